/* Device trees: the root, and those that it points at. */
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#include "handover.h"

const char *fdt_directory;

static phys_addr_t found_root;
static bool several_roots;

static void visit(phys_addr_t address)
{
	u8 magic[4];
	void *page;
	const char *compatible;

	read_memory(address, magic, sizeof(magic), "page");
	if (memcmp(magic, "\xd0\x0d\xfe\xed", 4))
		return;
	page = read_page(address, "device tree");
	if (fdt_check_full(page, page_size))
		return;
	compatible = fdt_getprop(page, 0, "compatible", NULL);
	if (!compatible || strncmp(compatible, "kho-v", 5))
		return;
	several_roots = found_root != 0;
	found_root = address;
}

phys_addr_t find_root(void)
{
	each_page(visit);
	if (!found_root)
		refuse("root: there is none");
	if (several_roots)
		refuse("root: there are several");
	return found_root;
}

void need_compatible(const void *fdt, int node, const char *compatible, const char *what)
{
	if (fdt_node_check_compatible(fdt, node, compatible))
		refuse("%s: not compatible with %s", what, compatible);
}

static const void *payload(const void *fdt, int node, const char *property, int size)
{
	int length;
	const void *value = fdt_getprop(fdt, node, property, &length);

	if (!value)
		refuse("%s: no %s", fdt_get_name(fdt, node, NULL), property);
	if (length != size)
		refuse("%s: %s has %d bytes", fdt_get_name(fdt, node, NULL), property, length);
	return value;
}

/* Not cells: the bytes of a variable as the kernel had it, aligned to 4 only. */
u64 native_u64(const void *fdt, int node, const char *property)
{
	u64 value;

	memcpy(&value, payload(fdt, node, property, sizeof(value)), sizeof(value));
	return value;
}

u32 native_u32(const void *fdt, int node, const char *property)
{
	u32 value;

	memcpy(&value, payload(fdt, node, property, sizeof(value)), sizeof(value));
	return value;
}

void keep_fdt(const char *name, phys_addr_t address, const void *fdt)
{
	static unsigned int kept;

	line("fdt");
	put_text("of", name, strlen(name));
	put_u64("address", address);
	put_number("totalsize", fdt_totalsize(fdt));
	end_line();
	if (fdt_directory) {
		char path[4096];
		FILE *file;

		snprintf(path, sizeof(path), "%s/%u.dtb", fdt_directory, kept++);
		file = fopen(path, "wb");
		if (!file || fwrite(fdt, fdt_totalsize(fdt), 1, file) != 1 || fclose(file))
			misused("%s cannot be written", path);
	}
}

const void *open_root(phys_addr_t root, const char *compatible, phys_addr_t *map)
{
	void *page = read_page(root, "root");
	int error = fdt_check_full(page, page_size);

	if (error)
		refuse("root: %s", fdt_strerror(error));
	need_compatible(page, 0, compatible, "root");
	*map = native_u64(page, 0, "preserved-memory-map");
	if (*map == 0)
		refuse("root: preserved-memory-map is 0");
	line("root");
	put_u64("address", root);
	put_text("compatible", compatible, strlen(compatible));
	put_u64("map", *map);
	end_line();
	keep_fdt("root", root, page);
	return page;
}

u64 fdt_size_at(phys_addr_t address)
{
	struct fdt_header header;

	if (!has_memory(address, sizeof(header)))
		return 0;
	read_memory(address, &header, sizeof(header), "device tree");
	return fdt_check_header(&header) ? 0 : fdt_totalsize(&header);
}

const void *open_fdt(const struct blob *blob)
{
	u64 size = fdt_size_at(blob->address);
	void *fdt;
	int error;

	if (size == 0)
		refuse("%s: not a device tree", blob->name);
	if (size > blob->size)
		refuse("%s: a device tree of %llu bytes in a blob of %llu", blob->name, (unsigned long long)size,
		       (unsigned long long)blob->size);
	fdt = reserve(1, size);
	read_memory(blob->address, fdt, size, blob->name);
	error = fdt_check_full(fdt, size);
	if (error)
		refuse("%s: %s", blob->name, fdt_strerror(error));
	keep_fdt(blob->name, blob->address, fdt);
	return fdt;
}
