/* Linux 6.19 to 7.1: a device tree. The node of FLBs is there from 7.0 on. */
#include <libfdt.h>

#include "handover.h"

static int node_of(const void *fdt, const char *path, const char *compatible)
{
	int node = fdt_path_offset(fdt, path);

	if (node < 0)
		refuse("LUO: no node %s", path);
	need_compatible(fdt, node, compatible, path);
	return node;
}

static const void *read_common(const struct blob *blob)
{
	const void *fdt = open_fdt(blob);

	need_compatible(fdt, 0, "luo-v1", "LUO");
	print_luo("luo-v1", native_u64(fdt, 0, "liveupdate-number"));
	sessions_in_pages(native_u64(fdt, node_of(fdt, "/luo-session", "luo-session-v2"), "luo-session-header"));
	print_sessions(files_in_pages);
	return fdt;
}

static void read_619(const struct blob *blob)
{
	const void *fdt = read_common(blob);

	if (fdt_path_offset(fdt, "/luo-flb") >= 0)
		refuse("LUO: 6.19 has no node of FLBs");
}

static void read_v1(const struct blob *blob)
{
	const void *fdt = read_common(blob);

	print_flbs(native_u64(fdt, node_of(fdt, "/luo-flb", "luo-flb-v1"), "luo-flb-header"));
}

const struct luo luo_v1_619 = { .name = "v1-6.19", .read = read_619 };
const struct luo luo_v1 = { .name = "v1", .read = read_v1 };
