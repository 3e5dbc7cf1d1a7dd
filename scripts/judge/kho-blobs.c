/* What a sub-node of the root says of its blob, in the two ways that several generations share. */
#include <libfdt.h>

#include "handover.h"

/* Property "fdt": always a device tree, which says how long it is. */
void blob_of_fdt(const void *root, int node, struct blob *blob)
{
	blob->address = native_u64(root, node, "fdt");
	blob->size = fdt_size_at(blob->address);
	if (blob->size == 0)
		refuse("%s: 0x%llx is not a device tree", blob->name, (unsigned long long)blob->address);
}

/* Properties "preserved-data" and "blob-size": any bytes. */
void blob_with_size(const void *root, int node, struct blob *blob)
{
	blob->address = native_u64(root, node, "preserved-data");
	blob->size = native_u64(root, node, "blob-size");
	if (blob->size == 0)
		refuse("%s: blob-size is 0", blob->name);
}
