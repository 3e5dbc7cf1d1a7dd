/* Linux 6.19 and 7.0. */
#include "handover.h"

struct memfd_luo_ser {
	u64 pos;
	u64 size;
	u64 nr_folios;
	struct kho_vmalloc folios;
} __packed;

_Static_assert(sizeof(struct memfd_luo_ser) == 40, "memfd_luo_ser");

static void read_memfd(phys_addr_t data)
{
	struct memfd_luo_ser ser;
	struct kho_vmalloc folios;

	need_preserved(data, sizeof(ser), "memfd_luo_ser");
	read_memory(data, &ser, sizeof(ser), "memfd_luo_ser");
	line("memfd");
	put_u64("pos", ser.pos);
	put_u64("size", ser.size);
	put_u64("nr_folios", ser.nr_folios);
	end_line();
	folios = ser.folios;
	print_folios(ser.size, ser.nr_folios, &folios);
}

const struct memfd memfd_v1 = { .compatible = "memfd-v1", .read = read_memfd };
