/*
 * Counter-based random numbers: Philox 4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3").
 * Floor 0.
 *
 * A number is a pure function of (seed, stream, counter): nothing is shared, nothing is ordered, so results can't depend on threads.
 * Use a stream per purpose and key it by what the number is for (a hash of the customer's id, a row's id), not by its position,
 * so that leaving one out leaves the others as they were.
 */
#ifndef MX_BASE_RANDOM_H
#define MX_BASE_RANDOM_H

#include <stdint.h>

typedef struct mx_random {
    uint64_t seed, stream, counter;
    uint32_t block[4];
    int left;
} mx_random;

/* One Philox 4x32-10 block; the published test vectors hold. */
void mx_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

void mx_random_init(mx_random *random, uint64_t seed, uint64_t stream);
uint32_t mx_random_u32(mx_random *random);
uint64_t mx_random_u64(mx_random *random);
double mx_random_uniform(mx_random *random);                 /* [0, 1), 53 bits */
uint64_t mx_random_below(mx_random *random, uint64_t bound); /* [0, bound), unbiased; bound > 0 */
double mx_random_normal(mx_random *random);                  /* mean 0, variance 1 */
double mx_random_exponential(mx_random *random);             /* mean 1 */
uint64_t mx_random_poisson(mx_random *random, double mean);
double mx_random_gamma(mx_random *random, double shape); /* scale 1; Marsaglia & Tsang 2000 */
/* The inverse of the standard normal distribution: -infinity at 0, infinity at 1, NaN outside; 1e-15 relative. Wichura 1988, AS 241. */
double mx_normal_quantile(double p);
/* A stream number out of up to three values, well mixed. */
uint64_t mx_random_key(uint64_t a, uint64_t b, uint64_t c);
/* Fisher-Yates, in place. */
void mx_random_shuffle_i64(mx_random *random, int64_t *values, uint64_t count);

#endif
