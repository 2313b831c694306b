#pragma once
#include <stddef.h>

/// A file of the page, as it is inside the program.
typedef struct {
    /// Its name in an address, such as `main.js`.
    const char *name;
    const unsigned char *bytes;
    size_t count;
} spd_page_file;

/// The files of the page, in the order in which modules import each other: imported ones first.
const spd_page_file *spd_page_files(size_t *count);

/// The charting library and its licence's text; a count of zero where the build had none.
spd_page_file spd_charts(void);
spd_page_file spd_charts_licence(void);
