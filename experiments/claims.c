/* claims.c: the list of claims, how intervals are judged, and which finding decides. See claims.h and
 * claims_rules.h; what each claim looks at is in claims_*.c.
 */
#include "experiments/claims_rules.h"

#include "core/error.h"
#include "core/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *words, *look;
} verdicts[BSO_CLAIM_VERDICTS] = {
    [BSO_CLAIM_HOLDS] = {"holds", "holds"},
    [BSO_CLAIM_CORRECTED] = {"holds with a correction", "corrected"},
    [BSO_CLAIM_FAILS] = {"does not hold", "fails"},
    [BSO_CLAIM_INCONCLUSIVE] = {"inconclusive", "inconclusive"},
    [BSO_CLAIM_SEEN] = {"direction seen at reduced scale", "seen"},
    [BSO_CLAIM_NOT_SEEN] = {"direction not seen at reduced scale", "not-seen"},
    [BSO_CLAIM_REPORTED] = {"reported only", "reported"},
    [BSO_CLAIM_UNTESTED] = {"not tested here", "untested"},
};

const char *bso_claim_words(bso_claim_verdict verdict)
{
    return verdicts[verdict].words;
}

const char *bso_claim_look(bso_claim_verdict verdict)
{
    return verdicts[verdict].look;
}

/* ---- Text ---- */

void bso_claim_interval(char *text, size_t size, bso_sample s, int decimals, bool sign)
{
    if (s.n == 0) {
        snprintf(text, size, "–");
    } else if (isnan(s.half)) {
        snprintf(text, size, sign ? "%+.*f (one seed)" : "%.*f (one seed)", decimals, s.mean);
    } else {
        snprintf(text, size, sign ? "%+.*f (%+.*f to %+.*f)" : "%.*f (%.*f to %.*f)", decimals, s.mean,
                 decimals, s.mean - s.half, decimals, s.mean + s.half);
    }
}

double bso_claim_figure(const bso_evidence *e, const char *table, const char *dataset, const char *method,
                        int steps, const char *setting, const char *metric)
{
    const bso_reported_fact *fact =
        bso_reported_find(e->reported, table, dataset, method, steps, setting, metric);
    return fact ? fact->value : NAN;
}

/* ---- Judging ---- */

static double error_of(bso_sample s)
{
    return s.sd / sqrt((double)s.n);
}

static const char *have(int count)
{
    return count == 1 ? "has" : "have";
}

bso_claim_verdict bso_claim_weigh(const bso_claim_part *parts, int count, bool protocol, char *why,
                                  size_t size)
{
    const bso_claim_part *against = NULL, *spans = NULL;
    const bso_claim_part *few = NULL, *other = NULL, *lost = NULL;
    int enough = 0, agree = 0, most = 0, present = 0;
    *why = '\0';
    for (int i = 0; i < count; i++) enough += parts[i].sample.n >= BSO_CLAIM_SEEDS;
    for (int i = 0; i < count; i++) {
        const bso_sample s = parts[i].sample;
        if (parts[i].lost && !lost) lost = &parts[i];
        if (s.n == 0) continue;
        present++;
        most = s.n > most ? s.n : most;
        agree += s.mean > parts[i].border;
        if (s.n < BSO_CLAIM_SEEDS) {
            if (!few) few = &parts[i];
            if (!(s.mean > parts[i].border) && !other) other = &parts[i];
            continue;
        }
        /* Bonferroni: each of `enough` intervals misses with 5 % / enough. */
        const double wide = bso_student_bound(1 - 0.05 / enough, s.n - 1) * error_of(s);
        if (s.mean + wide < parts[i].border && !against) against = &parts[i];
        if (!(s.mean - s.half > parts[i].border) && !spans) spans = &parts[i];
    }
    if (present == 0) {
        bso_text_add(why, size, "no training of these reached its end");
        return BSO_CLAIM_UNTESTED;
    }
    if (enough == 0) {
        bso_text_add(why, size, "%d seed%s, fewer than %d; ", most, most == 1 ? "" : "s", BSO_CLAIM_SEEDS);
        if (present == 1) {
            bso_text_add(why, size, "the mean is on the %s side", agree ? "claim's" : "other");
        } else {
            bso_text_add(why, size, "the means are on the claim's side in %d of %d comparisons", agree,
                         present);
        }
        return BSO_CLAIM_INCONCLUSIVE;
    }
    bso_claim_verdict verdict = protocol ? BSO_CLAIM_HOLDS : BSO_CLAIM_SEEN;
    if (against) {
        bso_text_add(why, size, "%s: the whole interval is on the other side", against->name);
        verdict = protocol ? BSO_CLAIM_FAILS : BSO_CLAIM_NOT_SEEN;
    } else if (spans) {
        bso_text_add(why, size, "%s: the interval spans the margin", spans->name);
        verdict = BSO_CLAIM_INCONCLUSIVE;
    } else if (lost) {
        bso_text_add(why, size, "%s: %d training%s diverged", lost->name, lost->lost,
                     lost->lost == 1 ? "" : "s");
        verdict = BSO_CLAIM_INCONCLUSIVE;
    } else if (other) {
        bso_text_add(why, size, "%s: the mean of fewer than %d seeds is on the other side", other->name,
                     BSO_CLAIM_SEEDS);
        verdict = BSO_CLAIM_INCONCLUSIVE;
    } else if (few && protocol) {
        bso_text_add(why, size, "%s: too few seeds for all to be settled", few->name);
        verdict = BSO_CLAIM_INCONCLUSIVE;
    }
    if (enough < present) {
        bso_text_add(why, size, "%s%d comparison%s %s fewer than %d seeds and do%s not count",
                     BSO_SEMICOLON(why), present - enough, present - enough == 1 ? "" : "s",
                     have(present - enough), BSO_CLAIM_SEEDS, present - enough == 1 ? "es" : "");
    }
    return verdict;
}

/* ---- Findings ---- */

bso_claim_finding *bso_claim_found(bso_judgement *j, int rank, bso_claim_verdict verdict)
{
    if (j->findings == BSO_CLAIM_FINDINGS) {
        j->left_out++;
        return NULL;
    }
    bso_claim_finding *f = &j->finding[j->findings++];
    *f = (bso_claim_finding){.verdict = verdict, .rank = rank};
    return f;
}

/* Those that decide by rank, then those that never do, in the order they were found. */
static int before(const bso_claim_finding *a, const bso_claim_finding *b)
{
    if ((a->rank < 0) != (b->rank < 0)) return a->rank >= 0;
    return a->rank >= 0 && a->rank < b->rank;
}

static void sort(bso_judgement *j)
{
    bso_claim_finding held;
    for (int i = 1; i < j->findings; i++) {
        int at = i;
        held = j->finding[i];
        for (; at > 0 && before(&held, &j->finding[at - 1]); at--) j->finding[at] = j->finding[at - 1];
        j->finding[at] = held;
    }
}

/* Findings that decide alike: equally near, or all under the protocol with enough seeds. */
static bool equals(const bso_claim_finding *a, const bso_claim_finding *b)
{
    if (a->rank < 0 || b->rank < 0) return false;
    return a->rank == b->rank ||
           (a->protocol && b->protocol && a->rank < BSO_CLAIM_SECTIONS && b->rank < BSO_CLAIM_SECTIONS);
}

static int gravity(const bso_claim_finding *f)
{
    const bool against = f->verdict == BSO_CLAIM_FAILS || f->verdict == BSO_CLAIM_NOT_SEEN;
    return against ? 2 : f->verdict == BSO_CLAIM_INCONCLUSIVE;
}

/* A claim that comes out on one data set and not on another has not come out: the gravest goes first. */
static void worst_of_equals(bso_judgement *j)
{
    int worst = 0;
    for (int i = 1; i < j->findings; i++) {
        if (equals(&j->finding[0], &j->finding[i]) && gravity(&j->finding[i]) > gravity(&j->finding[worst])) {
            worst = i;
        }
    }
    const bso_claim_finding first = j->finding[worst];
    memmove(&j->finding[1], &j->finding[0], (size_t)worst * sizeof first);
    j->finding[0] = first;
}

static void decide(bso_judgement *j)
{
    sort(j);
    if (j->findings == 0 || j->finding[0].rank < 0) return; /* as the claim's own function left it */
    worst_of_equals(j);
    j->decided = &j->finding[0];
    j->verdict = j->decided->verdict;
    snprintf(j->why, sizeof j->why, "%s", j->decided->why);
}

/* ---- The list ---- */

static const char regret_rule[] =
    "Over all problems under reading A (both the share of the new gradient and gamma decay as 1/sqrt(k), "
    "as the algorithm is written and the rates call for; the paper does not say which of beta and 1 - beta "
    "decays). The theorem is about every sequence of convex losses, so that one problem can break it. It "
    "does not hold if in any problem regret grows faster than claimed (the 95 % interval of its exponent "
    "over the last decade of rounds, widened for looking at several random problems (Bonferroni), lies "
    "above), or exceeds the bound even when that is given a factor of the dimension d (and, for T-BSO, of "
    "the largest gradient G); it holds with a correction if such a factor is all that is missing; it holds "
    "if the printed bound was kept in every round of every problem. Rates of growth take 10,000 rounds "
    "and, of random problems, 5 seeds; where a problem has less, an exponent's interval holds the one "
    "claimed, or a family of problems was not played, the verdict is inconclusive.";

static const char regret_caution[] =
    "Against an adversary that pushes against the current sign, no rule without chance can have regret "
    "below a constant share of the rounds: what fails there fails for every such rule.";

static const bso_claim claims[BSO_CLAIMS] = {
    {1,
     "Training memory of BSO and T-BSO does not grow with T",
     "From the planned bytes (plan and measurement agree to the byte, see Memory), the samples left out. "
     "BSO and T-BSO are flat if their memory at the largest T is within half of the last printed digit of "
     "the paper's figure of that at T = 1. It holds if both are flat and back-propagation through time "
     "grows by the paper's factor to within 10 %; with a correction if both are flat and that factor is "
     "another one; else it does not hold.",
     "Absolute gigabytes are not comparable: the paper's include a framework's own buffers and one-bit "
     "weights stored as 32-bit numbers.",
     {"memory_steps", "memory", NULL},
     bso_claim_memory_flat},
    {2,
     "Without latent weights, weight storage is 1/32",
     "It holds if the bytes that store the flipped weights are 1/32 of those of latent weights of the same "
     "network, to 1 %, and training keeps less for each weight than every latent-weight method; with a "
     "correction if only the first is so: momentum takes the place of the latent weight; else it does not "
     "hold.",
     "The paper counts the weights; the bytes of training count what the rule keeps for each weight, too.",
     {NULL},
     bso_claim_no_latent},
    {3,
     "T-BSO needs L × T scalars more than BSO",
     "It holds if at every T the difference of their training memory is a whole number of bytes for each "
     "of the L flipped layers and T time steps, the same at every T, of at most 8; with a correction if it "
     "is that plus a constant; else it does not hold.",
     "",
     {"memory_steps", NULL},
     bso_claim_scalars},
    {4,
     "T-BSO is more accurate than BSO at every T",
     "The difference T-BSO - BSO in test accuracy at the last epoch, at each T of at least 2 (the paper "
     "has no T = 1). It is supported if every interval is above 0, contradicted if one is below 0 after a "
     "correction for looking at several (Bonferroni), else inconclusive; under the paper's protocol every T "
     "of "
     "its Table 2 is needed.",
     "Rates of both were tuned with the same budget where the results say so; the paper uses the same for "
     "both.",
     {"fig5", "accuracy_steps", "accuracy_epoch"},
     bso_claim_better_than_bso},
    {5,
     "Accuracy rises with T",
     "The slope of test accuracy against log2 T, fitted for each seed over its T of at least 2, for BSO "
     "and for T-BSO. It is supported if both intervals are above 0, contradicted if one is below 0 "
     "(Bonferroni), else inconclusive. On CIFAR-10 the paper has a peak at T = 4 instead: accuracy there "
     "above that at T = 2 and at T = 6.",
     "Online rules make an update at each time step, so that a larger T also means more updates; in a "
     "short training that alone raises accuracy.",
     {"fig5", "accuracy_steps", NULL},
     bso_claim_rises},
    {6,
     "T-BSO is insensitive to gamma",
     "T-BSO trained with several gamma between 5e-8 and 5e-5, all else equal; at least 3 of them. It is "
     "supported if the 95 % interval of every pairwise difference stays within the range of the paper's "
     "own means over these gamma; contradicted if that of one pair lies outside it (Bonferroni); else "
     "inconclusive. To hold under the paper's protocol, the ends of the range are needed.",
     "T-BSO divides by the root of the mean square gradient, so that gamma of this size may be practically "
     "zero: flip rates and larger gamma are listed beside.",
     {"table3", NULL},
     bso_claim_gamma},
    {7,
     "T-BSO is insensitive to beta1 and beta2",
     "As for gamma: all pairs of the trainings with 1-beta1 between 1.5e-4 and 1e-3 and 1-beta2 between "
     "1.5e-6 and 1.5e-5, all else equal, at least 3 of them; the margin is the range of the paper's own "
     "means (Table 4).",
     "",
     {NULL},
     bso_claim_beta},
    {8,
     "Gradients of different time steps differ",
     "Cosine similarity between the weight gradients of two time steps, T-BSO or BSO at the largest T "
     "measured, last epoch, mean over layers. It is supported if that of neighbouring steps is below 0.9 "
     "(26 degrees apart) and above that of the first and last step, by intervals over seeds; contradicted "
     "if one of the two is not so (Bonferroni); else inconclusive.",
     "The paper prints a picture, no numbers.",
     {"fig3", NULL},
     bso_claim_cosine},
    {9,
     "BSO's regret is of order sqrt(K) and below the printed bound",
     regret_rule,
     regret_caution,
     {"regret", "regret_bounds", NULL},
     bso_claim_regret_bso},
    {10,
     "T-BSO's regret is of order K^(3/4) and below the printed bound",
     regret_rule,
     regret_caution,
     {"regret", "regret_bounds", NULL},
     bso_claim_regret_tbso},
    {11,
     "Average regret vanishes",
     "Over all problems under reading A, both rules: it does not hold if in any problem the exponent of "
     "regret is 0.99 or more (of random problems: its 95 % interval, widened for looking at several, is "
     "above), holds if the 95 % interval of every exponent ends below that, else it is inconclusive. Rates "
     "of growth take 10,000 rounds and, of random problems, 5 seeds; every family and both rules are "
     "needed for it to hold.",
     regret_caution,
     {"regret", NULL, NULL},
     bso_claim_regret_average},
    {12,
     "BSO and T-BSO are more accurate than training with latent weights",
     "The paper's rivals (Q-SNN, CBP) are not run here: their figures are the paper's own. What is run is "
     "straight-through training of the same network with latent weights, through time and online, by SGD "
     "and by Adam: the difference BSO - rival and T-BSO - rival at each T where both are there. It is "
     "supported if every interval is above 0, contradicted if one is below 0 (Bonferroni), else "
     "inconclusive; reported only where no such pair was run.",
     "What holds here is about the latent-weight methods run here, not about Q-SNN and CBP.",
     {"accuracy_memory", "accuracy_epoch", NULL},
     bso_claim_beats_latent},
    {13,
     "T-BSO comes near full-precision online training",
     "The difference T-BSO - NDOT in test accuracy at each T where both are there, against the distance "
     "that the paper reports at T = 6 (its CIFAR-10 figure there, its CIFAR-100 figure everywhere else). "
     "It is supported if every interval is above minus that distance, contradicted if one is below it "
     "(Bonferroni), else inconclusive.",
     "",
     {"accuracy_memory", NULL},
     bso_claim_near_full_precision},
    {14,
     "Models are many times smaller than in float32",
     "Sizes counted from the networks: weights, biases, batch norm's scale and shift; MB are 10^6 bytes. A "
     "figure holds if ours is the same when printed with as many digits. The claim holds if all do; with a "
     "correction if the sizes are within 2 %; else it does not hold.",
     "For ImageNet the paper sets its model against a size in float32 that is ResNet-34's, not ResNet-18's. "
     "Its own size "
     "lies between our count and the same with batch norm's running statistics.",
     {NULL},
     bso_claim_model_size},
    {15,
     "DVS-CIFAR10: T-BSO's accuracy is above Q-SNN's",
     "T-BSO on the real CIFAR10-DVS at T = 10 under the paper's protocol: the interval of the mean above "
     "the paper's figure less 0.5 points (the paper gives no spread; neighbours in its Tables 3 and 4 "
     "differ by 0.1 to 0.6) supports it, below contradicts it. Figures of accuracy mean nothing at reduced "
     "scale, so that anything else does not test it. Q-SNN is not run here.",
     "The two test splits in use differ by points, and the paper does not say which it had; each is a data "
     "set of its own here, and where they disagree the verdict is inconclusive.",
     {NULL},
     bso_claim_dvs},
    {16,
     "ImageNet: T-BSO's accuracy",
     "T-BSO with ResNet-18 on ImageNet under the paper's protocol (100 epochs at T = 1, then 30 at T = 4 "
     "or 6), as for claim 15.",
     "",
     {NULL},
     bso_claim_imagenet},
    {17,
     "Speech Commands: T-BSO is smaller and more accurate than ATIF and STS-T",
     "Accuracy as for claim 15, at T = 4. The model's size is counted, see claim 14. ATIF and STS-T are "
     "not run here.",
     "The paper does not say which version of the data set it used.",
     {NULL},
     bso_claim_speech},
    {18,
     "Training is stable: flips die out",
     "Share of weights flipped per update (FF ratio) in the last epoch over that of the first, BSO and "
     "T-BSO, at each T. It is supported if every interval is below 0.1, contradicted if one is above "
     "(Bonferroni), else inconclusive. The first epoch and 0.1: one stage of the paper's schedule divides "
     "gamma and 1 - beta1 by 10.",
     "The schedule shrinks 1 - beta1, so that momentum moves less: flips die out partly because of it.",
     {"flips", "flip_rate_epoch", NULL},
     bso_claim_stable},
};

int bso_claims_judge(const bso_evidence *evidence, bso_judgement judgement[BSO_CLAIMS])
{
    memset(judgement, 0, BSO_CLAIMS * sizeof *judgement);
    for (int i = 0; i < BSO_CLAIMS; i++) {
        bso_judgement *j = &judgement[i];
        j->claim = &claims[i];
        j->finding = bso_alloc(BSO_MEM_LOG, BSO_CLAIM_FINDINGS, sizeof *j->finding, "the findings");
        if (!j->finding) return BSO_ERROR;
        j->verdict = BSO_CLAIM_UNTESTED;
        claims[i].judge(evidence, j);
        decide(j);
    }
    return 0;
}

void bso_claims_free(bso_judgement judgement[BSO_CLAIMS])
{
    for (int i = 0; i < BSO_CLAIMS; i++) bso_free(judgement[i].finding);
    memset(judgement, 0, BSO_CLAIMS * sizeof *judgement);
}
