/* The struct of luo-v3 and later, which differ in what sessions_pa points at. */
#ifndef JUDGE_LUO_SER_H
#define JUDGE_LUO_SER_H

#include <string.h>

#include "handover.h"

struct luo_ser {
	char compatible[8];
	u64 liveupdate_num;
	u64 sessions_pa;
	u64 flbs_pa;
} __packed;

_Static_assert(sizeof(struct luo_ser) == 32, "luo_ser");

static inline struct luo_ser read_luo_ser(const struct blob *blob, const char *compatible)
{
	char expected[8] = "";
	struct luo_ser ser;

	if (blob->size_unknown ? blob->size < sizeof(ser) : blob->size != sizeof(ser))
		refuse("LUO: %llu bytes", (unsigned long long)blob->size);
	read_memory(blob->address, &ser, sizeof(ser), "LUO");
	memcpy(expected, compatible, strlen(compatible));
	if (memcmp(ser.compatible, expected, sizeof(expected)))
		refuse("LUO: not %s", compatible);
	print_luo(compatible, ser.liveupdate_num);
	return ser;
}

#endif
