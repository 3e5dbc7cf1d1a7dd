/* Linux 7.2: files in linked blocks too. */
#include "luo-ser.h"

static void files_in_blocks(const struct luo_file_set_ser *set)
{
	each_block_entry(set->files, sizeof(struct luo_file_ser), "luo files", add_file);
}

static void read_v5(const struct blob *blob)
{
	struct luo_ser ser = read_luo_ser(blob, "luo-v5");

	each_block_entry(ser.sessions_pa, sizeof(struct luo_session_ser), "luo sessions", add_session);
	print_sessions(files_in_blocks);
	print_flbs(ser.flbs_pa);
}

const struct luo luo_v5 = { .name = "v5", .read = read_v5 };
