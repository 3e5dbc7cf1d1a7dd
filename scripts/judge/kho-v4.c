/* Linux 7.2: the bytes of kho-v3; the string says that there are linked blocks. */
#include "handover.h"

static void read_map(phys_addr_t map)
{
	read_radix(map, radix_depth(), false);
}

const struct kho kho_v4 = {
	.name = "v4",
	.compatible = "kho-v4",
	.has_metadata = true,
	.root_preserved = true,
	.read_map = read_map,
	.read_blob = blob_with_size,
};
