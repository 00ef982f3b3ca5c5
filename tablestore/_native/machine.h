/* What the kernels need to know about the compiler and the machine: unaligned loads, byte order, versions per instruction set. */
#ifndef TABLESTORE_MACHINE_H
#define TABLESTORE_MACHINE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the kernels load little-endian integers directly (spec §0.3)"
#endif

#define TS_INLINE static inline __attribute__((always_inline))

/* TABLESTORE_PORTABLE turns all code for one kind of machine off, so that the plain paths can be tested anywhere. */

/* One loop, compiled for several instruction sets, chosen when the library is loaded. Needs ifunc (glibc), and sanitizers break it. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && \
    !defined(__SANITIZE_ADDRESS__) && !defined(TABLESTORE_PORTABLE)
#define TS_CLONES __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#else
#define TS_CLONES
#endif

/* Keeps a 0/1 value in a register, so that the compiler cannot turn the mask arithmetic that follows into a branch. */
#define TS_OPAQUE(value) __asm__("" : "+r"(value))

#define TS_PREFETCH(address) __builtin_prefetch((address), 0, 3)
#define TS_PREFETCH_WRITE(address) __builtin_prefetch((address), 1, 3)

TS_INLINE uint64_t ts_load64(const void *from)
{
    uint64_t value;
    memcpy(&value, from, 8);
    return value;
}

TS_INLINE uint32_t ts_load32(const void *from)
{
    uint32_t value;
    memcpy(&value, from, 4);
    return value;
}

TS_INLINE uint64_t ts_load64_big(const void *from) { return __builtin_bswap64(ts_load64(from)); }

TS_INLINE void ts_store64_big(void *to, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(to, &value, 8);
}

/* Number of bits of the largest value: 0 for 0. */
TS_INLINE unsigned ts_bit_length(uint64_t value) { return value ? 64u - (unsigned)__builtin_clzll(value) : 0u; }

#endif
