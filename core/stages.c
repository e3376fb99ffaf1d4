/* stages.c: see stages.h. */
#include "core/stages.h"

#include "core/error.h"
#include "core/layer.h"

#include <omp.h>

const char *bso_stage_name(bso_stage stage)
{
    static const char *const names[BSO_STAGES] = {
        [BSO_STAGE_PRODUCTS] = "forward products",
        [BSO_STAGE_NEURONS] = "neurons",
        [BSO_STAGE_POOLING] = "pooling",
        [BSO_STAGE_LOSS] = "loss",
        [BSO_STAGE_NEURONS_BACKWARD] = "surrogate and norm backward",
        [BSO_STAGE_POOLING_BACKWARD] = "pooling backward",
        [BSO_STAGE_ERRORS] = "errors to 8 bits",
        [BSO_STAGE_DATA_GRADIENT] = "data gradient",
        [BSO_STAGE_WEIGHT_GRADIENT] = "weight gradient",
        [BSO_STAGE_UPDATE] = "update",
        [BSO_STAGE_OTHER] = "other",
    };
    return names[stage];
}

int bso_network_time_stages(bso_network *net)
{
    bso_stage_clock_free(net->stages);
    net->stages = bso_alloc(BSO_MEM_LOG, 1, sizeof *net->stages, "stage clocks");
    if (!net->stages) return BSO_ERROR;
    net->stages->layers = net->layers;
    net->stages->seconds =
        bso_alloc(BSO_MEM_LOG, (size_t)net->layers + 1, sizeof *net->stages->seconds, "stage clocks");
    if (net->stages->seconds) return 0;
    bso_stage_clock_free(net->stages);
    net->stages = NULL;
    return BSO_ERROR;
}

const bso_stage_clock *bso_network_stages(const bso_network *net)
{
    return net->stages;
}

const char *bso_network_layer_name(const bso_network *net, int i)
{
    return i < net->layers ? net->layer[i].name : "";
}

void bso_stage_clock_free(bso_stage_clock *clock)
{
    if (!clock) return;
    bso_free(clock->seconds);
    bso_free(clock);
}

void bso_stage_add(bso_stage_clock *clock, int layer, bso_stage stage)
{
    double now = bso_clock(), passed = now - clock->last, updating = clock->updating / omp_get_max_threads();
    if (updating > passed) updating = passed;
    clock->seconds[layer][BSO_STAGE_UPDATE] += updating;
    clock->seconds[layer][stage] += passed - updating;
    clock->last = now;
    clock->updating = 0;
}
