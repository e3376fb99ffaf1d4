/* shards_mpi.c: ranks that are processes. See shards.h. Without MPI: that there are none. */
#include "core/shards.h"

#include "core/error.h"

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
