/* network_string.c: reads the string that describes a network. See network_string.h. */
#include "core/network_string.h"

#include "core/error.h"
#include "core/network.h"

#include <string.h>

const bso_named_network bso_named_networks[] = {
    {"vgg11", "64C3-128C3-AP2-256C3-256C3-AP2-512C3-512C3-AP2-512C3-512C3-GAP-FC",
     "the paper's network for CIFAR (9,216,000 one-bit weights)"},
    {"resnet18",
     "64C7s2-AP2-64R3-64R3-64R3-64R3-128R3s2-128R3-128R3-128R3-256R3s2-256R3-256R3-256R3-"
     "512R3s2-512R3-512R3-512R3-GAP-FC",
     "the paper's network for ImageNet (10,985,472 one-bit weights; 4.19 MB for 3 x 224 x 224 and 1000 "
     "classes)"},
    {NULL, NULL, NULL},
};

enum { LARGEST_KERNEL = 15 };

/* A positive decimal number at *at, moved past it; 0 where there is none or it is absurd. */
static int number(const char **at)
{
    long value = 0;
    while (**at >= '0' && **at <= '9' && value < 1000000) value = value * 10 + (*(*at)++ - '0');
    return value > 0 && value < 1000000 ? (int)value : 0;
}

static int unreadable(const char *network, const char *token, size_t length)
{
    return bso_fail(
        "network=%s: cannot read \"%.*s\"; use tokens such as 64C3, 64C7s2, 64R3, AP2, GAP, 128FC "
        "and a final FC, joined by '-'",
        network, (int)length, token);
}

/* What stands behind n in nCk and nRk. */
static int parse_window(bso_token *t, const char *network, const char *at)
{
    bool residual = *at == 'R', readable = residual || *at == 'C';
    if (readable) {
        at++;
        t->kind = residual ? BSO_TOKEN_RESIDUAL : BSO_TOKEN_CONV;
        t->kernel = number(&at);
        t->stride = *at == 's' ? (at++, number(&at)) : 1;
    }
    if (!readable || !t->kernel || !t->stride || *at) {
        return unreadable(network, t->text, strlen(t->text));
    }
    if (t->kernel % 2 == 0 || t->kernel > LARGEST_KERNEL) {
        return bso_fail("network=%s: \"%s\" has kernel size %d; it must be odd and at most %d", network,
                        t->text, t->kernel, LARGEST_KERNEL);
    }
    if (residual && t->stride > 2) {
        return bso_fail(
            "network=%s: \"%s\" has stride %d; a residual unit has stride 1 or 2, since its shortcut "
            "pools 2 x 2",
            network, t->text, t->stride);
    }
    if (t->stride > LARGEST_KERNEL) {
        return bso_fail("network=%s: \"%s\" has stride %d; it must be at most %d", network, t->text,
                        t->stride, LARGEST_KERNEL);
    }
    return 0;
}

static int parse_token(bso_token *t, const char *network)
{
    static const struct {
        const char *text;
        bso_token_kind kind;
    } words[] = {{"AP2", BSO_TOKEN_AP2}, {"GAP", BSO_TOKEN_GAP}, {"FC", BSO_TOKEN_LAST}};
    t->stride = 1;
    for (int i = 0; i < 3; i++) {
        if (strcmp(t->text, words[i].text) != 0) continue;
        t->kind = words[i].kind;
        return 0;
    }
    const char *at = t->text;
    t->outputs = number(&at);
    if (t->outputs && strcmp(at, "FC") == 0) {
        t->kind = BSO_TOKEN_HIDDEN;
        return 0;
    }
    return parse_window(t, network, t->outputs ? at : "");
}

static bool is_pooling(const bso_token *t)
{
    return t->kind == BSO_TOKEN_AP2 || t->kind == BSO_TOKEN_GAP;
}

static int check_ends(const bso_token *tokens, int count, const char *network)
{
    for (int i = 0; i < count; i++) {
        bool last = i == count - 1;
        if (last != (tokens[i].kind == BSO_TOKEN_LAST)) {
            return bso_fail("network=%s: the last layer, and only it, must be FC (the output to the classes)",
                            network);
        }
    }
    if (is_pooling(&tokens[0])) {
        return bso_fail("network=%s: pooling acts on spikes; the first layer must be a convolution or linear",
                        network);
    }
    if (tokens[0].kind == BSO_TOKEN_RESIDUAL) {
        return bso_fail(
            "network=%s: a residual unit adds to a current that a layer before it makes; the first "
            "layer must be a convolution or linear",
            network);
    }
    return 0;
}

/* From the end: whether the next layer with weights is a residual unit. */
static void mark_currents(bso_token *tokens, int count)
{
    bool residual = false;
    for (int i = count - 1; i >= 0; i--) {
        if (is_pooling(&tokens[i])) continue;
        tokens[i].current = residual;
        residual = tokens[i].kind == BSO_TOKEN_RESIDUAL;
    }
}

int bso_network_parse(bso_token tokens[BSO_TOKENS], const char *network)
{
    const char *layers = network;
    for (const bso_named_network *named = bso_named_networks; named->name; named++) {
        if (strcmp(named->name, network) == 0) layers = named->layers;
    }
    int count = 0;
    for (const char *at = layers;; at++) {
        size_t length = strcspn(at, "-");
        if (count == BSO_TOKENS) return bso_fail("network=%s: more than %d layers", network, BSO_TOKENS);
        bso_token *t = &tokens[count];
        *t = (bso_token){0};
        if (length >= sizeof t->text) return unreadable(network, at, length);
        memcpy(t->text, at, length);
        if (parse_token(t, network)) return BSO_ERROR;
        count++;
        at += length;
        if (!*at) break;
    }
    if (check_ends(tokens, count, network)) return BSO_ERROR;
    mark_currents(tokens, count);
    return count;
}
