/* Shared by the C contenders: data from stdin, rounds on request, little-endian hosts. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint32_t add_word(uint32_t hash, uint32_t word)
{
	return (hash ^ word) * 0x01000193u;
}

static uint32_t add_u64(uint32_t hash, uint64_t value)
{
	return add_word(add_word(hash, (uint32_t)value), (uint32_t)(value >> 32));
}

static void *must_alloc(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory) {
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	return memory;
}

/* Each round: a line with the number of passes comes in, "nanoseconds checksum" goes out. */
static int rounds(void (*pass)(void), uint32_t (*checksum)(void))
{
	char line[64];

	while (fgets(line, sizeof(line), stdin)) {
		long passes = strtol(line, NULL, 10);
		struct timespec from, to;

		clock_gettime(CLOCK_MONOTONIC, &from);
		for (long i = 0; i < passes; i++) {
			pass();
			/* The results may be read by anyone: no pass can be left out. */
			__asm__ volatile("" ::: "memory");
		}
		clock_gettime(CLOCK_MONOTONIC, &to);
		printf("%lld %u\n", (to.tv_sec - from.tv_sec) * 1000000000LL + (to.tv_nsec - from.tv_nsec), checksum());
		fflush(stdout);
	}
	return 0;
}
