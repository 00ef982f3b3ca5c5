/* Integer types, unaligned access and function multiversioning for the native kernels.
 *
 * MULTIVERSION(name, params, args) builds name_body (an always_inline function written in plain C) for the baseline, for
 * AVX2 and for AVX-512 on x86-64, and name() picks one by what the processor can do. Elsewhere there is one version. No
 * ifunc is needed, so it also works with musl and clang. Files are little-endian (spec §0.3) and so must be the machine.
 */
#ifndef TABLESTORE_TARGET_H
#define TABLESTORE_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "TableStore needs a little-endian machine"
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Values inside a chunk have no alignment (spec §0.3). */
typedef uint16_t __attribute__((aligned(1), may_alias)) loose16;
typedef uint32_t __attribute__((aligned(1), may_alias)) loose32;
typedef uint64_t __attribute__((aligned(1), may_alias)) loose64;
typedef int16_t __attribute__((aligned(1), may_alias)) loose_signed16;
typedef int32_t __attribute__((aligned(1), may_alias)) loose_signed32;
typedef int64_t __attribute__((aligned(1), may_alias)) loose_signed64;
typedef double __attribute__((aligned(1), may_alias)) loose_double;

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define TABLESTORE_X86 1
#define TARGET_AVX2 __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt")))
#define TARGET_AVX512 __attribute__((target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,bmi,bmi2,lzcnt,popcnt")))

/* 0 baseline, 1 AVX2, 2 AVX-512; -1 not asked yet. Racing writers store the same value. */
static int target_level_cached = -1;

static int target_level_ask(void) {
    __builtin_cpu_init();
    int level = 0;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt")) {
        level = 1;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
            level = 2;
    }
    __atomic_store_n(&target_level_cached, level, __ATOMIC_RELAXED);
    return level;
}

ALWAYS_INLINE int target_level(void) {
    int level = __atomic_load_n(&target_level_cached, __ATOMIC_RELAXED);
    return level >= 0 ? level : target_level_ask();
}

#define MULTIVERSION(name, params, args)                                   \
    static void name##_baseline params { name##_body args; }               \
    TARGET_AVX2 static void name##_avx2 params { name##_body args; }       \
    TARGET_AVX512 static void name##_avx512 params { name##_body args; }   \
    static inline void name params {                                       \
        int level = target_level();                                        \
        if (level == 2) name##_avx512 args;                                \
        else if (level == 1) name##_avx2 args;                             \
        else name##_baseline args;                                         \
    }
#else
#define MULTIVERSION(name, params, args) \
    static inline void name params { name##_body args; }
#endif

/* Where empty arrays are: memcpy of no bytes still wants an address. */
static uint8_t no_bytes[64] __attribute__((unused));

ALWAYS_INLINE int bit_width(uint64_t value) { return value ? 64 - __builtin_clzll(value) : 0; }

#endif
