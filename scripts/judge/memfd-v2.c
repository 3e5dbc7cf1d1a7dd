/* Linux 7.1 and later: seals and flags. */
#include "handover.h"

#define MEMFD_LUO_ALL_SEALS 0x3f

struct memfd_luo_ser {
	u64 pos;
	u64 size;
	u32 seals;
	u32 flags;
	u64 nr_folios;
	struct kho_vmalloc folios;
} __packed;

_Static_assert(sizeof(struct memfd_luo_ser) == 48, "memfd_luo_ser");

static void read_memfd(phys_addr_t data)
{
	struct memfd_luo_ser ser;
	struct kho_vmalloc folios;

	need_preserved(data, sizeof(ser), "memfd_luo_ser");
	read_memory(data, &ser, sizeof(ser), "memfd_luo_ser");
	if (ser.seals & ~(u32)MEMFD_LUO_ALL_SEALS)
		refuse("memfd: seals 0x%x", ser.seals);
	if (ser.flags)
		refuse("memfd: flags 0x%x", ser.flags);
	line("memfd");
	put_u64("pos", ser.pos);
	put_u64("size", ser.size);
	put_number("seals", ser.seals);
	put_number("flags", ser.flags);
	put_u64("nr_folios", ser.nr_folios);
	end_line();
	folios = ser.folios;
	print_folios(ser.size, ser.nr_folios, &folios);
}

const struct memfd memfd_v2 = { .compatible = "memfd-v2", .read = read_memfd };
