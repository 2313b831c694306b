#include "CDashboard.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

// The page of `orchestrator ui`, byte for byte: the compiler reads the files, nothing is generated or unpacked.

static const unsigned char index_html[] = {
#embed "../../Dashboard/Resources/index.html"
};
static const unsigned char style_css[] = {
#embed "../../Dashboard/Resources/style.css"
};
static const unsigned char dom_js[] = {
#embed "../../Dashboard/Resources/base/dom.js"
};
static const unsigned char format_js[] = {
#embed "../../Dashboard/Resources/base/format.js"
};
static const unsigned char api_js[] = {
#embed "../../Dashboard/Resources/base/api.js"
};
static const unsigned char address_js[] = {
#embed "../../Dashboard/Resources/base/address.js"
};
static const unsigned char state_js[] = {
#embed "../../Dashboard/Resources/base/state.js"
};
static const unsigned char runs_js[] = {
#embed "../../Dashboard/Resources/views/runs.js"
};
static const unsigned char filters_js[] = {
#embed "../../Dashboard/Resources/views/filters.js"
};
static const unsigned char reach_js[] = {
#embed "../../Dashboard/Resources/charts/reach.js"
};
static const unsigned char lines_js[] = {
#embed "../../Dashboard/Resources/charts/lines.js"
};
static const unsigned char pictures_js[] = {
#embed "../../Dashboard/Resources/takeaway/pictures.js"
};
static const unsigned char pdf_js[] = {
#embed "../../Dashboard/Resources/takeaway/pdf.js"
};
static const unsigned char takeaway_js[] = {
#embed "../../Dashboard/Resources/takeaway/takeaway.js"
};
static const unsigned char table_js[] = {
#embed "../../Dashboard/Resources/base/table.js"
};
static const unsigned char curves_js[] = {
#embed "../../Dashboard/Resources/charts/curves.js"
};
static const unsigned char parallel_js[] = {
#embed "../../Dashboard/Resources/charts/parallel.js"
};
static const unsigned char scatter_js[] = {
#embed "../../Dashboard/Resources/charts/scatter.js"
};
static const unsigned char diff_js[] = {
#embed "../../Dashboard/Resources/views/diff.js"
};
static const unsigned char maps_js[] = {
#embed "../../Dashboard/Resources/charts/maps.js"
};
static const unsigned char figures_js[] = {
#embed "../../Dashboard/Resources/views/figures.js"
};
static const unsigned char logs_js[] = {
#embed "../../Dashboard/Resources/views/logs.js"
};
static const unsigned char job_js[] = {
#embed "../../Dashboard/Resources/views/job.js"
};
static const unsigned char explorer_js[] = {
#embed "../../Dashboard/Resources/views/explorer.js"
};
static const unsigned char run_js[] = {
#embed "../../Dashboard/Resources/views/run.js"
};
static const unsigned char jobs_js[] = {
#embed "../../Dashboard/Resources/views/jobs.js"
};
static const unsigned char main_js[] = {
#embed "../../Dashboard/Resources/main.js"
};

#define FILE_OF_PAGE(name, symbol) {name, symbol, sizeof symbol}

// A script follows those that it imports: one page without a server has them in this order.
static const spd_page_file files[] = {
    FILE_OF_PAGE("index.html", index_html),
    FILE_OF_PAGE("style.css", style_css),
    FILE_OF_PAGE("base/dom.js", dom_js),
    FILE_OF_PAGE("base/format.js", format_js),
    FILE_OF_PAGE("base/api.js", api_js),
    FILE_OF_PAGE("base/address.js", address_js),
    FILE_OF_PAGE("base/state.js", state_js),
    FILE_OF_PAGE("views/runs.js", runs_js),
    FILE_OF_PAGE("views/filters.js", filters_js),
    FILE_OF_PAGE("charts/reach.js", reach_js),
    FILE_OF_PAGE("charts/lines.js", lines_js),
    FILE_OF_PAGE("takeaway/pictures.js", pictures_js),
    FILE_OF_PAGE("takeaway/pdf.js", pdf_js),
    FILE_OF_PAGE("takeaway/takeaway.js", takeaway_js),
    FILE_OF_PAGE("base/table.js", table_js),
    FILE_OF_PAGE("views/diff.js", diff_js),
    FILE_OF_PAGE("charts/curves.js", curves_js),
    FILE_OF_PAGE("charts/parallel.js", parallel_js),
    FILE_OF_PAGE("charts/scatter.js", scatter_js),
    FILE_OF_PAGE("charts/maps.js", maps_js),
    FILE_OF_PAGE("views/figures.js", figures_js),
    FILE_OF_PAGE("views/logs.js", logs_js),
    FILE_OF_PAGE("views/job.js", job_js),
    FILE_OF_PAGE("views/explorer.js", explorer_js),
    FILE_OF_PAGE("views/run.js", run_js),
    FILE_OF_PAGE("views/jobs.js", jobs_js),
    FILE_OF_PAGE("main.js", main_js),
};

const spd_page_file *spd_page_files(size_t *count) {
    *count = sizeof files / sizeof files[0];
    return files;
}

// Debian's node-d3: drawn from where the package puts it, so no copy has to be kept here.
#ifndef SPD_CHARTS
#define SPD_CHARTS "/usr/share/nodejs/d3/dist/d3.min.js"
#endif
// Passing a library on means passing on its licence.
#if __has_embed(SPD_CHARTS) && __has_embed("/usr/share/doc/node-d3/copyright")
static const unsigned char charts[] = {
#embed SPD_CHARTS
};
static const unsigned char charts_licence[] = {
#embed "/usr/share/doc/node-d3/copyright"
};
spd_page_file spd_charts(void) { return (spd_page_file)FILE_OF_PAGE("d3.js", charts); }
spd_page_file spd_charts_licence(void) { return (spd_page_file)FILE_OF_PAGE("d3-licence.txt", charts_licence); }
#else
#pragma message("node-d3 (Debian) is not installed: `orchestrator ui` is built without charts")
spd_page_file spd_charts(void) { return (spd_page_file){"d3.js", 0, 0}; }
spd_page_file spd_charts_licence(void) { return (spd_page_file){"d3-licence.txt", 0, 0}; }
#endif
