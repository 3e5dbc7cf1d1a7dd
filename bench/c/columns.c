/* W1: 8 columns of packed 48-byte records, one pass. */
#include "common.h"

struct device_ser {
	uint32_t ref_count, flags, devid, pci_domain_nr;
	uint64_t token, domain_phys, iommu_phys, pasid_table;
} __attribute__((packed));

static size_t count;
static struct device_ser *records;
static uint32_t *ref_count, *flags, *devid, *pci_domain_nr;
static uint64_t *token, *domain_phys, *iommu_phys, *pasid_table;

static void fill(const struct device_ser *restrict r, size_t n, uint32_t *restrict c0, uint32_t *restrict c1,
		 uint32_t *restrict c2, uint32_t *restrict c3, uint64_t *restrict c4, uint64_t *restrict c5,
		 uint64_t *restrict c6, uint64_t *restrict c7)
{
	for (size_t i = 0; i < n; i++) {
		c0[i] = r[i].ref_count;
		c1[i] = r[i].flags;
		c2[i] = r[i].devid;
		c3[i] = r[i].pci_domain_nr;
		c4[i] = r[i].token;
		c5[i] = r[i].domain_phys;
		c6[i] = r[i].iommu_phys;
		c7[i] = r[i].pasid_table;
	}
}

static void pass(void)
{
	fill(records, count, ref_count, flags, devid, pci_domain_nr, token, domain_phys, iommu_phys, pasid_table);
}

static uint32_t checksum(void)
{
	uint32_t hash = 0x811c9dc5;

	for (size_t i = 0; i < count; i++) {
		hash = add_word(add_word(hash, ref_count[i]), flags[i]);
		hash = add_word(add_word(hash, devid[i]), pci_domain_nr[i]);
		hash = add_u64(add_u64(hash, token[i]), domain_phys[i]);
		hash = add_u64(add_u64(hash, iommu_phys[i]), pasid_table[i]);
	}
	return hash;
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	count = strtoul(argv[1], NULL, 10);
	records = must_alloc(count * sizeof(*records));
	if (fread(records, sizeof(*records), count, stdin) != count)
		return 1;
	ref_count = must_alloc(count * 4);
	flags = must_alloc(count * 4);
	devid = must_alloc(count * 4);
	pci_domain_nr = must_alloc(count * 4);
	token = must_alloc(count * 8);
	domain_phys = must_alloc(count * 8);
	iommu_phys = must_alloc(count * 8);
	pasid_table = must_alloc(count * 8);
	return rounds(pass, checksum);
}
