/* In the window before 7.2-rc1: a struct in place of the device tree. */
#include "luo-ser.h"

static void read_v3(const struct blob *blob)
{
	struct luo_ser ser = read_luo_ser(blob, "luo-v3");

	if (ser.sessions_pa)
		sessions_in_pages(ser.sessions_pa);
	print_sessions(files_in_pages);
	print_flbs(ser.flbs_pa);
}

const struct luo luo_v3 = { .name = "v3", .read = read_v3 };
