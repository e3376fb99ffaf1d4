/* isa.h: for sources that are compiled once for each instruction set: the width of its vectors, and names
 * that bear its name (BSO_ISA). Internal to core/kernels. */
#ifndef BSO_KERNELS_ISA_H
#define BSO_KERNELS_ISA_H

/* bytes */
#if defined __AVX512F__
enum { VECTOR = 64 };
#elif defined __AVX2__
enum { VECTOR = 32 };
#else
enum { VECTOR = 16 };
#endif

#define JOIN2(a, b) a##b
#define JOIN(a, b)  JOIN2(a, b)
#define TEXT2(a)    #a
#define TEXT(a)     TEXT2(a)

#endif
