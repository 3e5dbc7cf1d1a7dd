/* The regions of reserve_mem=. */
#include <libfdt.h>
#include <string.h>

#include "handover.h"

#define RESERVE_MEM_MAX_ENTRIES 8
#define RESERVE_MEM_NAME_SIZE 16

void read_memblock(const struct blob *blob)
{
	const void *fdt = open_fdt(blob);
	unsigned int count = 0;
	int node;

	need_compatible(fdt, 0, "memblock-v1", "memblock");
	fdt_for_each_subnode(node, fdt, 0) {
		const char *name = fdt_get_name(fdt, node, NULL);
		u64 start, size;

		if (++count > RESERVE_MEM_MAX_ENTRIES)
			refuse("memblock: more than %d regions", RESERVE_MEM_MAX_ENTRIES);
		if (strlen(name) >= RESERVE_MEM_NAME_SIZE)
			refuse("memblock: %s is too long a name", name);
		/* The first of that name is another one if there are two. */
		if (fdt_subnode_offset(fdt, 0, name) != node)
			refuse("memblock: two regions %s", name);
		need_compatible(fdt, node, "reserve-mem-v1", name);
		start = native_u64(fdt, node, "start");
		size = native_u64(fdt, node, "size");
		if (start % page_size || size % page_size || size == 0)
			refuse("memblock: %s has 0x%llx bytes at 0x%llx", name, (unsigned long long)size,
			       (unsigned long long)start);
		need_preserved(start, size, name);
		line("memblock");
		put_text("name", name, strlen(name));
		put_u64("start", start);
		put_u64("size", size);
		end_line();
	}
}
