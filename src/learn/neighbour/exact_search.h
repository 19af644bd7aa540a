/*
 * Exact nearest neighbours: every query against every vector. Floor 4, private to src/learn/neighbour.
 *
 * Products are screened in float, sixteen queries at a time, with a proven bound; what passes is measured in double (vector_rows.h). With h = |y|^2 / 2,
 * u = 2^-24, kappa = (width + 8) u at least:
 *   euclidean      |q - y|^2 = |q|^2 + 2 s, s = h - q.y; s as computed is off by at most kappa (h + |q|^2 / 2), for |q||y| <= (|q|^2 + |y|^2) / 2; the part with h
 *                  is taken off h beforehand. A vector may be among the nearest only if  (h - kappa h) - q.y <= (D - |q|^2) / 2 + kappa |q|^2 / 2,  D the k-th squared distance so far
 *   inner product  with q of unit length: -q.y as computed is off by at most kappa |y|; only if  -kappa |y| - q.y <= -(k-th inner product so far) / |q|
 * Fewer than MX_FEW_QUERIES are compared one by one, which reads the vectors as fast as memory gives them.
 */
#ifndef MX_LEARN_NEIGHBOUR_EXACT_SEARCH_H
#define MX_LEARN_NEIGHBOUR_EXACT_SEARCH_H

#include "learn/neighbour/vector_rows.h"

enum { MX_FEW_QUERIES = 5 };

/*
 * queries  (m, width) as mx_vector_prepare makes them
 * out      (m, k) written, nearest first; id -1 beyond the vectors there are
 * Cost: m n width products; memory m k 24 bytes, times n / 8,192 when there are few queries.
 */
merx_status mx_exact_search(const mx_vector_rows *rows, const float *queries, size_t m, size_t k, merx_task *task,
                            mx_found *out, merx_error *err) MERX_MUST_CHECK;

#endif
