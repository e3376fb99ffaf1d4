/* products.h: what the files of core/kernels share about product kernels. Internal to core/kernels. */
#ifndef BSO_KERNELS_PRODUCTS_H
#define BSO_KERNELS_PRODUCTS_H

#include "core/product_kernels.h"

extern const bso_product_kernels bso_products_reference, bso_products_portable;
#ifdef __x86_64__
extern const bso_product_kernels bso_products_avx2, bso_products_avx512;
#endif

#endif
