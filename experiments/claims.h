/* claims.h: the paper's claims and what the results of a folder say about each: a verdict by a stated rule.
 *
 * A verdict is computed from result files and from nothing else. Evidence is found by properties (rule,
 * gradient, T, data set), never by place or name; nothing that was measured decides what is looked at.
 *
 * Not here: how it is shown (report.c), and the tables themselves.
 */
#ifndef BSO_CLAIMS_H
#define BSO_CLAIMS_H

#include "experiments/memory_results.h"
#include "experiments/regret.h"
#include "experiments/reported.h"
#include "experiments/table.h"

typedef enum {
    BSO_CLAIM_HOLDS,        /* under the paper's protocol, or exactly, or for every data set */
    BSO_CLAIM_CORRECTED,    /* once a number or a term of it is corrected */
    BSO_CLAIM_FAILS,        /* under the paper's protocol, or exactly */
    BSO_CLAIM_INCONCLUSIVE, /* the interval spans the margin, or too few seeds */
    BSO_CLAIM_SEEN,         /* the direction, on other data or at reduced scale */
    BSO_CLAIM_NOT_SEEN,
    BSO_CLAIM_REPORTED, /* about methods that are not run here: the paper's own figures */
    BSO_CLAIM_UNTESTED,
    BSO_CLAIM_VERDICTS
} bso_claim_verdict;

/* "holds", "direction seen at reduced scale", ...; and one word of letters and '-', for style sheets. */
const char *bso_claim_words(bso_claim_verdict verdict);
const char *bso_claim_look(bso_claim_verdict verdict);

/* Everything that may be there; each part may be empty. */
typedef struct {
    const bso_table *runs;
    const bso_regret_set *regret;
    const bso_memory_results *memory;
    const bso_reported *reported;
} bso_evidence;

enum {
    BSO_CLAIMS = 18,
    BSO_CLAIM_FINDINGS = 40, /* most that are told of for one claim */
    BSO_CLAIM_SEEDS = 5,     /* fewer decide nothing */
    BSO_CLAIM_PLOTS = 3
};

/* One piece of evidence. Plain text without a full stop at its end. */
typedef struct {
    char what[1024];    /* what was run: data, network, T, epochs, seeds */
    char outcome[3072]; /* what came out, with its interval */
    char why[768];      /* why that verdict; "" where there is no more to say */
    bso_claim_verdict verdict;
    bool protocol; /* of trainings under the paper's protocol */
    int rank; /* what decides comes first: 0 decides if there is one, then 1, ...; negative: it never decides
               */
} bso_claim_finding;

struct bso_judgement;

/* A claim; texts are fixed. */
typedef struct bso_claim {
    int number;
    const char *title;
    const char *rule;                   /* of the verdict, in words */
    const char *caution;                /* what to bear in mind; "" for nothing */
    const char *plots[BSO_CLAIM_PLOTS]; /* that show it, NULL for none */
    void (*judge)(const bso_evidence *evidence, struct bso_judgement *judgement);
} bso_claim;

typedef struct bso_judgement {
    const bso_claim *claim;
    char paper[1024]; /* what the paper claims, with its figures */
    bso_claim_verdict verdict;
    char why[1024];                   /* what decided, or why nothing did */
    const bso_claim_finding *decided; /* the finding whose verdict it is; NULL: none */
    int findings, left_out;           /* in `finding`; more that had no room */
    bso_claim_finding *finding;       /* the deciding one first */
} bso_judgement;

/* Judge all claims, by number. Returns 0 or BSO_ERROR; to be freed in both cases. */
int bso_claims_judge(const bso_evidence *evidence, bso_judgement judgement[BSO_CLAIMS]);
void bso_claims_free(bso_judgement judgement[BSO_CLAIMS]);

#endif
