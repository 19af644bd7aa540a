/*
 * Pools of float tensors: the plain forms so far.
 */
#include "kernels/tensors.h"
void mx_conv_pool_avx2(const mx_conv *s, size_t n, const float *x, const float *panels, const float *bias, float *y, uint8_t *place, float *scratch)
{ mx_conv_pool_ref(s, n, x, panels, bias, y, place, scratch); }
void mx_conv_pool_outer_avx2(const mx_conv *s, size_t n, const float *x, const float *dy, const uint8_t *place, float *dw, float *dbias, float *scratch)
{ mx_conv_pool_outer_ref(s, n, x, dy, place, dw, dbias, scratch); }
void mx_conv_pool_spread_avx2(const mx_conv *s, size_t n, const float *dy, const uint8_t *place, float *full)
{ mx_conv_pool_spread_ref(s, n, dy, place, full); }
void mx_max_pool_avx2(const mx_pool *s, size_t n, const float *x, float *y, uint32_t *place)
{ mx_max_pool_ref(s, n, x, y, place); }
void mx_max_pool_back_avx2(const mx_pool *s, size_t n, const float *dy, const uint32_t *place, float *dx)
{ mx_max_pool_back_ref(s, n, dy, place, dx); }
void mx_average_pool_avx2(const mx_pool *s, size_t n, const float *x, float *y)
{ mx_average_pool_ref(s, n, x, y); }
void mx_average_pool_back_avx2(const mx_pool *s, size_t n, const float *dy, float *dx)
{ mx_average_pool_back_ref(s, n, dy, dx); }
