/*
 * What the pictures of the sample shop show: one kind of thing for each category, and the parcel that tells nothing. Floor 5.
 */
#ifndef MX_SHOP_SAMPLE_SHAPES_H
#define MX_SHOP_SAMPLE_SHAPES_H

#include "shop/sample/sample_pen.h"

/* The inks of one product. */
typedef struct sample_look {
    sample_ink main; /* the colour of its title, striped when that says so */
    sample_ink dark, light, accent;
    float a, b; /* 0 … 1: how this one differs from others of its kind */
} sample_look;

/* The thing of a category, by its number; SAMPLE_CATEGORIES and beyond: the parcel. */
void sample_shape_draw(sample_pen *pen, const sample_look *look, size_t category);

#endif
