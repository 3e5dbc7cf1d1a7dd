/* In the window before 7.2-rc1: sessions in linked blocks. */
#include "luo-ser.h"

static void read_v4(const struct blob *blob)
{
	struct luo_ser ser = read_luo_ser(blob, "luo-v4");

	each_block_entry(ser.sessions_pa, sizeof(struct luo_session_ser), "luo sessions", add_session);
	print_sessions(files_in_pages);
	print_flbs(ser.flbs_pa);
}

const struct luo luo_v4 = { .name = "v4", .read = read_v4 };
