/* shards_mpi.c: ranks that are processes, on one machine or several, by MPI. See shards.h.
 *
 * Compiled with BSO_MPI for the program bso-mpi alone; without, it says that there is no MPI. MPI is not
 * asked to add anything up: in which order it does is its own affair. It moves bytes.
 */
#include "core/shards.h"

#include "core/error.h"
#include "core/memory.h"

#include <stdlib.h>

static bool above_one(const char *name)
{
    const char *value = getenv(name);
    return value && strtol(value, NULL, 10) > 1;
}

bool bso_shards_expected(void)
{
    return above_one("OMPI_COMM_WORLD_SIZE") || above_one("PMI_SIZE") ||
           (getenv("PMIX_RANK") && above_one("SLURM_STEP_NUM_TASKS"));
}

#ifndef BSO_MPI

int bso_shards_join(void)
{
    return 0;
}

bso_shards *bso_shards_world(void)
{
    return NULL;
}

void bso_shards_leave(int exit_status)
{
    (void)exit_status;
}

#else

#include <mpi.h>

/* Of a sum that are moved at a time: what bounds the room for what other ranks send. */
enum { PIECE = 1 << 20 };

static bso_shards world;
static float *received; /* [PIECE + ranks]: of each rank its part of this rank's slice */

/* Errors of MPI end all ranks: it prints them itself (MPI_ERRORS_ARE_FATAL). */
static void gather_processes(bso_shards *g, const void *mine, size_t bytes)
{
    MPI_Allgather(mine, (int)bytes, MPI_BYTE, g->gathered, (int)bytes, MPI_BYTE, MPI_COMM_WORLD);
}

/* Each rank gets its slice of what all have, adds these up, and then all get all slices. */
static void sum_piece(bso_shards *g, float *x, size_t n)
{
    int counts[BSO_SHARDS_MAX], starts[BSO_SHARDS_MAX], own[BSO_SHARDS_MAX], places[BSO_SHARDS_MAX];
    const float *parts[BSO_SHARDS_MAX];
    const size_t from = bso_shards_slice(g->rank, g->size, n);
    const int slice = (int)(bso_shards_slice(g->rank + 1, g->size, n) - from);
    for (int rank = 0; rank < g->size; rank++) {
        starts[rank] = (int)bso_shards_slice(rank, g->size, n);
        counts[rank] = (int)bso_shards_slice(rank + 1, g->size, n) - starts[rank];
        own[rank] = slice;
        places[rank] = rank * slice;
        parts[rank] = received + places[rank];
    }
    MPI_Alltoallv(x, counts, starts, MPI_FLOAT, received, own, places, MPI_FLOAT, MPI_COMM_WORLD);
    bso_shards_add(x + from, parts, g->size, (size_t)slice);
    MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, x, counts, starts, MPI_FLOAT, MPI_COMM_WORLD);
}

static void sum_processes(bso_shards *g, float *x, size_t n)
{
    for (size_t first = 0; first < n; first += PIECE)
        sum_piece(g, x + first, n - first < PIECE ? n - first : PIECE);
}

static const bso_transport processes = {.name = "mpi", .gather = gather_processes, .sum = sum_processes};

int bso_shards_join(void)
{
    int provided;
    if (!bso_shards_expected()) return 0;
    /* Threads there are, but only the one that has called this calls MPI. */
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
        return bso_fail("MPI cannot be started");
    world = (bso_shards){.transport = &processes};
    MPI_Comm_rank(MPI_COMM_WORLD, &world.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &world.size);
    if (world.size > BSO_SHARDS_MAX)
        return bso_fail("%d processes were started together; at most %d can be", world.size, BSO_SHARDS_MAX);
    const size_t size = (size_t)world.size;
    world.gathered = bso_alloc(BSO_MEM_WORKSPACE, size, BSO_SHARDS_PIECE, "what ranks exchange");
    received = bso_alloc(BSO_MEM_WORKSPACE, PIECE + size, sizeof *received, "what ranks exchange");
    return world.gathered && received ? 0 : BSO_ERROR;
}

bso_shards *bso_shards_world(void)
{
    return world.size > 1 ? &world : NULL;
}

void bso_shards_leave(int exit_status)
{
    int started = 0;
    MPI_Initialized(&started);
    if (!started) return;
    if (exit_status && !world.agreed) MPI_Abort(MPI_COMM_WORLD, exit_status);
    MPI_Finalize();
    bso_free(world.gathered);
    bso_free(received);
    world = (bso_shards){0};
}

#endif
