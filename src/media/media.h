/*
 * What other floors may know of media besides the public header. Floor 3.
 */
#ifndef MX_MEDIA_MEDIA_H
#define MX_MEDIA_MEDIA_H

#include "base/str.h"

/* Lines about the programs that decode, for merx_build_info (base/build_info.h). */
void mx_media_build_info(mx_text *text);

#endif
