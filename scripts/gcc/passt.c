/* The structs that the January 2025 draft of passt's migration stream meant to
 * send as images of memory, written down from their documented layouts.
 *
 * TIME_T: sizeof(time_t), 4 or 8.
 */
typedef __UINT8_TYPE__ u8;
typedef __UINT16_TYPE__ u16;
typedef __UINT32_TYPE__ u32;
typedef __UINT64_TYPE__ u64;
#if TIME_T == 4
typedef __INT32_TYPE__ time_type;
#else
typedef __INT64_TYPE__ time_type;
#endif

enum flow_state { FREE, NEW, INI, TGT, TYPED, ACTIVE };
enum flow_type { NONE, TCP, TCP_SPLICE, PING4, PING6, UDP };

union inany_addr {
	u8 a6[16];
	struct {
		u8 zero[10];
		u8 one[2];
		u32 a4;
	} v4mapped;
	u32 words[4];
};

struct flowside {
	union inany_addr oaddr;
	union inany_addr eaddr;
	u16 oport;
	u16 eport;
};

struct flow_common {
	enum flow_state state : 8;
	enum flow_type type : 8;
	u8 pif[2];
	struct flowside side[2];
};

struct tcp_tap_conn {
	struct flow_common f;
	_Bool in_epoll : 1;
	unsigned int retrans : 3;
	unsigned int ws_from_tap : 4;
	unsigned int ws_to_tap : 4;
	unsigned int tap_mss : 14;
	int sock : 24;
	u8 events;
	int timer : 24;
	u8 flags;
	unsigned int sndbuf : 24;
	u8 seq_dup_ack_approx;
	u16 wnd_from_tap;
	u16 wnd_to_tap;
	u32 seq_to_tap;
	u32 seq_ack_from_tap;
	u32 seq_from_tap;
	u32 seq_ack_to_tap;
	u32 seq_init_from_tap;
};

struct tcp_splice_conn {
	struct flow_common f;
	int s[2];
	int pipe[2][2];
	u32 read[2];
	u32 written[2];
	u8 events;
	u8 flags;
	_Bool in_epoll : 1;
};

struct udp_flow {
	struct flow_common f;
	_Bool closed : 1;
	time_type ts;
	int s[2];
};

struct icmp_ping_flow {
	struct flow_common f;
	int seq;
	int sock;
	time_type ts;
};

struct flow_free_cluster {
	struct flow_common f;
	unsigned int n;
	unsigned int next;
};

union flow {
	struct flow_common f;
	struct flow_free_cluster free;
	struct tcp_tap_conn tcp;
	struct tcp_splice_conn tcp_splice;
	struct icmp_ping_flow ping;
	struct udp_flow udp;
};

/* How the draft declared the padding is not known: only the size is. */
union flow_padded {
	struct flow_common f;
	struct flow_free_cluster free;
	struct tcp_tap_conn tcp;
	struct tcp_splice_conn tcp_splice;
	struct icmp_ping_flow ping;
	struct udp_flow udp;
	u8 padding[128];
};

struct flow_sidx {
	unsigned int sidei : 1;
	unsigned int flowi : 17;
};

struct migrate_fields {
	u64 magic;
	u32 version;
	u32 voidp_size;
	u32 time_t_size;
	u32 flow_size;
	u32 flow_sidx_size;
};

union migrate_header {
	struct migrate_fields fields;
	u8 unused[65536];
};

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BE32(x) __builtin_bswap32(x)
#else
#define BE32(x) (x)
#endif

const union migrate_header header __attribute__((section(".values"))) = {
	.fields = {
		.magic = 0xB1BB1D1B0BB1D1B0ULL,
		.version = BE32(1),
		.voidp_size = BE32(sizeof(void *)),
		.time_t_size = BE32(sizeof(time_type)),
		.flow_size = BE32(sizeof(union flow_padded)),
		.flow_sidx_size = BE32(sizeof(struct flow_sidx)),
	},
};
