/* network_string.h: the string that describes a network (network.h says how it is written), as a list of
 * tokens. Internal to core/. Building from them is network.c's business. */
#ifndef BSO_NETWORK_STRING_H
#define BSO_NETWORK_STRING_H

#include <stdbool.h>

typedef enum {
    BSO_TOKEN_CONV,     /* nCk, nCksS */
    BSO_TOKEN_HIDDEN,   /* nFC */
    BSO_TOKEN_RESIDUAL, /* nRk, nRksS */
    BSO_TOKEN_AP2,
    BSO_TOKEN_GAP,
    BSO_TOKEN_LAST /* FC */
} bso_token_kind;

typedef struct {
    bso_token_kind kind;
    int outputs, kernel, stride; /* kernel 0, stride 1 where there is none */
    bool current; /* it has weights and is followed, pooling apart, by a residual unit: its output is
                     a current, without neurons */
    char text[24];
} bso_token;

enum { BSO_TOKENS = 256 };

/* Tokens of the string, or of the network it names, checked as far as that goes without the size of images.
 * Returns their number, at most BSO_TOKENS, or BSO_ERROR. */
int bso_network_parse(bso_token tokens[BSO_TOKENS], const char *network);

#endif
