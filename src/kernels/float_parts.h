/*
 * Vectors at the end of a row: the whole or its part. In lanes: included after float_lanes_<level>.h.
 */
#ifndef MX_KERNELS_FLOAT_PARTS_H
#define MX_KERNELS_FLOAT_PARTS_H

/* The vector at p: all of it, or its part. `whole` is a constant wherever this is called. */
INLINE vec load(const float *p, bool whole, part some)
{
    return whole ? vec_load(p) : vec_load_part(p, some);
}

INLINE void store(float *p, bool whole, part some, vec v)
{
    if (whole)
        vec_store(p, v);
    else
        vec_store_part(p, some, v);
}

#endif
