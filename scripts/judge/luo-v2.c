/* In the window before 7.2-rc1: a device tree that points at a struct. */
#include "handover.h"

struct luo_ser {
	u64 liveupdate_num;
	u64 sessions_pa;
	u64 flbs_pa;
} __packed;

_Static_assert(sizeof(struct luo_ser) == 24, "luo_ser");

static void read_v2(const struct blob *blob)
{
	const void *fdt = open_fdt(blob);
	struct luo_ser ser;
	phys_addr_t address;

	need_compatible(fdt, 0, "luo-v2", "LUO");
	address = native_u64(fdt, 0, "luo-abi-header");
	need_preserved(address, sizeof(ser), "luo_ser");
	read_memory(address, &ser, sizeof(ser), "luo_ser");
	print_luo("luo-v2", ser.liveupdate_num);
	sessions_in_pages(ser.sessions_pa);
	print_sessions(files_in_pages);
	print_flbs(ser.flbs_pa);
}

const struct luo luo_v2 = { .name = "v2", .read = read_v2 };
