/* tensor_file.c: parameters to and from HDF5 data sets, one output channel at a time. See tensor_file.h.
 *
 * One at a time, because a one-bit layer must not need a float for every weight to be saved or loaded.
 */
#include "core/tensor_file.h"

#include "core/error.h"
#include "core/memory.h"

#include <math.h>
#include <string.h>

int bso_tensor_shape(const bso_param *p, hsize_t dims[4])
{
    if (p->vector) {
        dims[0] = (hsize_t)p->cols;
        return 1;
    }
    dims[0] = (hsize_t)p->cols;
    if (!p->convolution) {
        dims[1] = (hsize_t)p->rows;
        return 2;
    }
    dims[1] = (hsize_t)p->inputs;
    dims[2] = (hsize_t)p->kernel_h;
    dims[3] = (hsize_t)p->kernel_w;
    return 4;
}

size_t bso_tensor_runs(const bso_param *p)
{
    return p->vector ? 1 : (size_t)p->cols;
}

size_t bso_tensor_run_length(const bso_param *p)
{
    return p->vector ? (size_t)p->cols : (size_t)p->rows;
}

size_t bso_tensor_index(const bso_param *p, size_t run, size_t j)
{
    if (p->vector) return j;
    const size_t positions = (size_t)p->kernel_h * (size_t)p->kernel_w;
    const size_t i = j / positions, position = j % positions;
    return (position * (size_t)p->inputs + i) * (size_t)p->cols + run;
}

/* Select one run of the file's data set, and its like in memory. */
static bool select_run(hid_t space, int rank, const hsize_t *dims, size_t run, bool vector)
{
    hsize_t start[4] = {vector ? 0 : (hsize_t)run, 0, 0, 0}, count[4];
    memcpy(count, dims, sizeof count);
    if (rank > 1) count[0] = 1;
    return H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0;
}

void bso_tensor_put(bso_h5_writer *w, const char *path, const bso_param *p, hid_t type,
                    bso_tensor_value value, const void *user)
{
    hsize_t dims[4] = {0};
    const int rank = bso_tensor_shape(p, dims);
    const hsize_t length = bso_tensor_run_length(p);
    hid_t array = bso_h5_open_array(w, path, type, rank, dims);
    if (array < 0) return;
    float *values = bso_alloc(BSO_MEM_LOG, length, sizeof *values, "a row of weights");
    hid_t space = H5Dget_space(array), memory = H5Screate_simple(1, &length, NULL);
    bool ok = values && space >= 0 && memory >= 0;
    for (size_t run = 0; ok && run < bso_tensor_runs(p); run++) {
        for (size_t j = 0; j < length; j++) values[j] = value(user, bso_tensor_index(p, run, j));
        ok = select_run(space, rank, dims, run, p->vector) &&
             H5Dwrite(array, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, values) >= 0;
    }
    bso_free(values);
    if (space >= 0) H5Sclose(space);
    if (memory >= 0) H5Sclose(memory);
    ok = H5Dclose(array) >= 0 && ok;
    bso_h5_check(w, ok, path);
}

static int check_finite(const bso_h5_reader *r, const char *path, size_t run, const float *values, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        if (!isfinite(values[j])) {
            return bso_fail("%s: %s: value %zu is not finite in float32", r->path, path, run * n + j);
        }
    }
    return 0;
}

int bso_tensor_get(const bso_h5_reader *r, const char *path, const bso_param *p,
                   int (*take)(void *user, size_t run, const float *values), void *user)
{
    hsize_t dims[4] = {0};
    const int rank = bso_tensor_shape(p, dims);
    const hsize_t length = bso_tensor_run_length(p);
    if (bso_h5_expect(r, path, rank, dims)) return BSO_ERROR;
    float *values = bso_alloc(BSO_MEM_LOG, length, sizeof *values, "a row of weights");
    if (!values) return BSO_ERROR;
    hid_t array = H5Dopen2(r->file, path, H5P_DEFAULT);
    hid_t space = array >= 0 ? H5Dget_space(array) : H5I_INVALID_HID,
          memory = H5Screate_simple(1, &length, NULL);
    int status = 0;
    for (size_t run = 0; !status && run < bso_tensor_runs(p); run++) {
        bool ok = space >= 0 && memory >= 0 && select_run(space, rank, dims, run, p->vector) &&
                  H5Dread(array, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, values) >= 0;
        status = ok ? check_finite(r, path, run, values, length)
                    : bso_fail("%s: %s cannot be read: truncated or damaged", r->path, path);
        if (!status) status = take(user, run, values);
    }
    if (memory >= 0) H5Sclose(memory);
    if (space >= 0) H5Sclose(space);
    if (array >= 0) H5Dclose(array);
    bso_free(values);
    return status;
}
