#pragma once
#include <png.h>

// libpng's own name for this is a macro, which Swift does not see.
static inline png_alloc_size_t png_image_largest_file(png_image image) { return PNG_IMAGE_PNG_SIZE_MAX(image); }
