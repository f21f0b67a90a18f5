/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trunk, its circuits and their flows: what the parts of the core share.
 *
 * docs/design/trunk.md is the protocol. Who does what:
 *
 *	trunk.c      life of a trunk, what a program asks of it
 *	circuit.c    life of a circuit      dial.c     its handshake
 *	identity.c   who we can be there
 *	flow.c       life of a flow         lane.c     packets on it
 *	receive.c    records that come      control.c  frames of the trunk
 *	schedule.c   records to be sent     stream.c   frames of flows
 *	window.c     credit                 room.c     room for writes
 *	budget.c     memory of many trunks
 *	timer.c      time                   event.c    what programs are told
 *	set/set.h    sets of trunks         relay.h    circuits passed on
 *
 * All of it belongs to one thread at a time.
 */
#ifndef TRUNK_CORE_H
#define TRUNK_CORE_H

#include <assert.h>

#include <vif/circuit.h>
#include <vif/flow.h>
#include <vif/trunk.h>
#include <vif/trunk_stats.h>

#include "base/bits.h"
#include "base/list.h"
#include "base/owner.h"
#include "trunk/block.h"
#include "trunk/bucket.h"
#include "trunk/budget.h"
#include "trunk/credit.h"
#include "trunk/id_table.h"
#include "trunk/round.h"
#include "trunk/seal.h"
#include "trunk/session.h"
#include "wire/trunk_record.h"

enum core_limits {
	/* Of ours that the other side takes in handshake: what everybody does. */
	CORE_HANDSHAKES = 16,
	CORE_PONGS = 16,  /* to be sent */
	CORE_REKEYS = 16, /* of a direction, at once */
	CORE_REKEYS_PER_SECOND = 1,
	/* Circuits of the other side that wait to be shut, above those that may
	 * be open: 64 KiB of SHUT with the longest text. */
	CORE_SHUTS = 65536 / (16 + 4 + 256),
	CORE_WINDOW_SLACK = 65536, /* above the trunk's window, for headers */
	CORE_FLOW_QUANTUM = 4096,
	/* Two packets of a lane, with their headers. */
	CORE_LANE_PACKET_MAX = 65575,
	CORE_LANE_HEADER = 16,
	CORE_LANE_WINDOW = 2 * (CORE_LANE_PACKET_MAX + CORE_LANE_HEADER),
	/* Of a record of a circuit, in clear: frames that are not data. */
	CORE_FRAME_SMALL_MAX = FRAME_HEADER_LEN + 4 + VIF_TRUNK_TEXT_MAX,
	/* OPEN with a service and the longest first message. */
	CORE_OPEN_FIXED = 49,
	CORE_OPEN_MAX =
		CORE_OPEN_FIXED + VIF_CIRCUIT_SERVICE_MAX + SESSION_MESSAGE_MAX,
	CORE_HELLO_LEN = 12,   /* windows of a circuit */
	CORE_EARLY_FLOWS = 64, /* opened before the other side said how many */
	CORE_EVICT_S = 20,     /* an evicted trunk has, if drain_ns is never */
};

/* What a header of a frame may say, beside its type. */
enum frame_use {
	FRAME_HAS_ID = 1, /* else it has to be 0 */
	FRAME_HAS_VALUE = 2,
};

struct frame_form {
	uint16_t len_min, len_max;
	uint8_t use;   /* enum frame_use */
	uint8_t flags; /* that are known */
};

/* Why something ended, and what is said about it. */
struct ending {
	bool is_set;
	uint32_t reason; /* enum vif_reason, or a program's */
	char text[VIF_TRUNK_TEXT_MAX + 1];
};

/* Bits of vif_trunk.events and vif_circuit.events. */
#define EVENT_BIT(type) (1u << (type))

struct vif_flow {
	struct id_node node;         /* id 0: not announced */
	struct vif_circuit *circuit; /* lives as long as the flow */
	struct list all; /* flows of the circuit; in line for room: in front */
	struct list control; /* with frames that are not data */
	struct list event;
	struct round_member turn; /* with data; or among those blocked */
	void *user;
	/* receiving */
	struct byte_queue rx;
	struct credit_rx rx_credit;
	/* sending */
	struct byte_queue tx;
	struct credit_tx tx_credit;
	uint32_t rx_code; /* of a reset, or of the end of the circuit */
	union {
		uint32_t tx_code; /* of our reset, once tx_reset says so */
		uint32_t refused; /* until then: less room is of no use */
	};
	uint32_t stop_code;   /* of our stop */
	uint32_t packet_left; /* lanes: bytes of a packet that was begun */
	uint32_t low_water;
	uint8_t events;
	bool is_local    : 1; /* we opened it */
	bool is_lane     : 1;
	bool is_told     : 1; /* the program has it */
	bool is_released : 1; /* and gave it back */
	bool is_dead     : 1; /* the circuit has ended */
	bool has_left    : 1; /* the tables: no frame is about it any more */
	bool rx_fin      : 1; /* nothing more comes */
	bool rx_reset    : 1; /* nothing more comes, and nothing counts */
	bool rx_stopped  : 1; /* by us: what comes is thrown away */
	bool tx_finished : 1; /* by the program */
	bool tx_reset    : 1; /* by the program, or as we were stopped */
	bool tx_ended    : 1; /* FIN or RESET was sent */
	bool is_blocked  : 1; /* has no turn for want of the circuit's credit */
	bool is_lent     : 1; /* what vif_flow_reserve() gave is valid */
	bool wants_room  : 1; /* a write took less */
	bool wants_credit : 1; /* a frame is to be sent: */
	bool wants_reset  : 1;
	bool wants_stop   : 1;
	bool wants_fin    : 1; /* without data, or OPEN without data */
	bool is_unheard   : 1; /* it has something, but no number yet */
	bool is_in_line   : 1; /* for room that others have */
	uint8_t log_level : 2; /* enum vif_log_level */
};

/* With its place in a table, and what malloc adds, it takes 256 bytes. */
static_assert(sizeof(struct vif_flow) <= 232, "there may be a million of them");

/*
 * What the other side may do in a time. That of a sealed circuit is not the
 * trunk's: it has its own, and ends alone.
 */
struct buckets {
	struct bucket pings, resets, own_resets, circuits, empties, skips,
		padding, glitches, rekeys;
};

enum circuit_state {
	CIRCUIT_WAITING,    /* for the trunk's keys, or for those before it */
	CIRCUIT_OPENING,    /* OPEN was queued */
	CIRCUIT_CONFIRMING, /* ACCEPT was queued */
	CIRCUIT_OPEN,
	CIRCUIT_RELAYED, /* a half; relay.c */
	CIRCUIT_CLOSING, /* CLOSE was sent; SHUT is to come */
	CIRCUIT_CLOSED,
};

/* Frames of the trunk that a circuit has to send. */
enum circuit_wants {
	WANTS_OPEN = 1,
	WANTS_ACCEPT = 2,
	WANTS_CONFIRM = 4,
	WANTS_SHUT = 8,
	WANTS_LIMIT = 16, /* of the hop */
};

struct circuit_handshake; /* dial.c */
struct relay_member;      /* relay.c */
struct set_entry;         /* set/set.h */

/* What has been passed on of the handshake of a relayed circuit. */
enum relay_stage {
	RELAY_OPENED,
	RELAY_ACCEPTED,
	RELAY_CONFIRMED,
};

struct vif_circuit {
	struct id_node node; /* id 0: none yet */
	struct vif_trunk *trunk;
	struct list all;     /* circuits of the trunk */
	struct list control; /* with frames of the trunk to send; or waiting */
	struct list urgent;  /* with frames of its own that are not data */
	struct list event;
	struct round_member turn;
	void *user;
	enum circuit_state state;
	enum vif_circuit_mode mode;
	enum vif_log_level log_level;
	bool is_local;     /* we dialled it */
	bool is_accepted;  /* by the program, or dialled */
	bool is_refused;   /* by the program, which wants none of its flows */
	bool is_listening; /* for flows */
	bool is_told;      /* the program has it, and frees it */
	bool has_local, has_remote, has_exporter;
	bool has_place; /* counts in n_opening */
	uint8_t wants;  /* enum circuit_wants */
	uint32_t events;
	char service[VIF_CIRCUIT_SERVICE_MAX + 1];
	uint8_t local[VIF_KEY_LEN];
	uint8_t remote[VIF_KEY_LEN];
	uint8_t exporter[VIF_KEY_LEN];
	struct circuit_handshake *handshake; /* NULL when it is done */
	uint64_t deadline_ns;                /* of the handshake, or idle */
	/* flows */
	struct list flows;
	struct id_table flow_table;
	struct list flow_control;
	struct list blocked;      /* turns of flows that wait for its credit */
	struct list *line_passed; /* in line, last one passed over; or &flows */
	struct list *line_end;    /* last flow in line for room; or &flows */
	struct list line;         /* of the trunk's circuits that have a line */
	struct list roomier;      /* of those that hold less than they did */
	struct round round;
	uint32_t next_local, next_remote; /* flow ids */
	uint32_t n_local, n_remote;       /* flows that live */
	uint32_t n_untold;                /* flows the program has not */
	uint32_t flows_max;               /* that we may open */
	uint32_t line_need;               /* those passed over need no less */
	uint32_t peer_flow_window;        /* first limit of flows we send on */
	/* credit */
	struct credit_rx rx_credit;
	struct credit_tx tx_credit;
	uint64_t n_credits;   /* that came; and STOP that did nothing */
	uint64_t rx_held;     /* payload in queues */
	uint64_t tx_held;     /* written, not sent */
	uint64_t tx_reserved; /* of the limit, for packets that were begun */
	bool has_lanes, has_window;
	bool wants_credit;
	/* sealed circuits */
	struct seal tx_seal, rx_seal;
	struct bucket rekeys; /* of the other end */
	struct credit_rx hop_rx;
	struct credit_tx hop_tx;
	uint64_t n_hop_limits; /* LIMIT that raised it */
	uint32_t record_max;   /* plaintext that all hops carry */
	bool wants_rekey;
	/* the end */
	bool wants_close; /* CLOSE, when all data is out */
	bool is_evicted;  /* and no stream ends clean any more */
	bool shuts_clean; /* SHUT is the answer to a CLOSE */
	bool has_left;    /* the tables of the trunk */
	bool is_buried;
	struct ending ending;
	struct ending closing; /* what CLOSE will say */
	/* halves of relayed circuits */
	struct vif_circuit *relay_to;  /* NULL when the other half has ended */
	struct byte_queue relay_queue; /* records to be sent on this trunk */
	uint64_t relay_held;           /* received, not passed on yet */
	uint64_t relay_data_held;      /* of these, in records with data */
	enum relay_stage relay_stage;
	bool relay_joined;     /* counts among its trunk's */
	bool relay_is_last;    /* SHUT when the queue is empty */
	struct buckets bucket; /* of a sealed one */
	struct vif_circuit_stats stats;
	uint64_t blocked_since_ns, hop_blocked_since_ns;
};

enum trunk_state {
	TRUNK_HANDSHAKE,
	TRUNK_UNCONFIRMED, /* keys, but READY has not come */
	TRUNK_OPEN,
	TRUNK_ENDED,
};

struct vif_trunk {
	/* immutable */
	enum vif_trunk_role role;
	struct vif_trunk_config config; /* with defaults filled in */
	struct owner owner;
	struct noise_crypto crypto;
	struct noise_pair identity;
	bool has_identity, has_aes, has_exporter;
	/* Only ever grows, as handshakes refer to it. */
	struct list identities;
	uint32_t n_identities;
	/* state */
	enum trunk_state state;
	struct session *session; /* during the handshake */
	uint64_t now_ns;
	struct ending ending;
	uint8_t exporter[VIF_KEY_LEN];
	uint8_t hash[NOISE_HASH_LEN];
	uint8_t remote[VIF_KEY_LEN];
	bool has_remote;
	uint32_t record_max; /* plaintext */
	/* receiving */
	struct block_pool pool;
	struct block *rx_block; /* what records are opened into */
	uint8_t *partial;       /* of a record that has not come wholly */
	size_t partial_len, partial_size;
	struct seal rx_seal, tx_seal;
	struct credit_rx rx_credit;
	struct credit_tx tx_credit;
	uint64_t n_limits; /* LIMIT that raised it */
	uint64_t rx_held;  /* payload in queues of flows */
	uint64_t tx_held;  /* written, not sent */
	uint64_t windows;  /* of all circuits together */
	struct budget_member budget;
	/* circuits */
	struct list circuits;
	struct list graves; /* circuits to be freed */
	struct id_table circuit_table;
	struct list circuit_control, urgent;
	struct list waiting;        /* circuits to be opened, oldest first */
	struct list lines, roomier; /* of circuits whose flows want room */
	uint32_t lines_need;        /* with less of its room nobody is told */
	struct round round;
	uint32_t next_local, next_remote; /* circuit ids */
	uint32_t n_circuits, n_remote;
	uint32_t n_remote_windows; /* of those, that have a window */
	uint32_t n_handshakes;     /* of circuits the other side opens */
	uint32_t n_flows, n_remote_flows, n_relayed;
	uint32_t n_opening;    /* of ours, passed on ones too, in handshake */
	uint32_t n_dialling;   /* circuits the other side has not answered */
	uint32_t n_unheard;    /* flows it has to hear of before DRAINED */
	uint32_t circuits_max; /* that we may open */
	bool is_listening;
	/* what the trunk has to send */
	bool wants_ready, wants_limit, wants_ping, wants_drain, wants_drained;
	bool wants_close, wants_rekey;
	uint64_t pong[CORE_PONGS];
	uint32_t n_pong;
	/* draining: we said it, they said it, they have nothing new any more */
	bool is_draining, peer_drains, is_closing;
	bool said_drained, peer_said_drained, is_settling;
	bool is_evicted;       /* for want of memory; it closes */
	struct ending closing; /* what CLOSE will say */
	/* time */
	uint64_t start_ns;     /* when it was made, or became ready */
	uint64_t last_rx_ns;   /* a sign of life */
	uint64_t ping_sent_ns; /* 0: none is out */
	uint64_t asked_ns;     /* for a sign of life; 0: not yet */
	uint64_t ping_token, last_ping_ns;
	uint64_t ping_payload; /* received when the last one was sent */
	uint64_t drain_end_ns, idle_since_ns;
	bool ever_had_circuit;
	/* events */
	uint32_t events;
	struct list circuit_news, flow_news, circuit_ends;
	/* limits */
	struct buckets bucket;
	struct bucket opens; /* circuits that we open */
	struct vif_trunk_stats stats;
	uint64_t blocked_since_ns;
	struct relay_member *relay;  /* NULL: none */
	struct set_entry *set_entry; /* NULL: in no set */
};

/* trunk.c */

/*
 * trunk_end() - it is over, by whose fault soever
 *
 * With tell the other side gets a CLOSE. All circuits end. Returns
 * -ECONNABORTED.
 */
int trunk_end(struct vif_trunk *trunk, uint32_t reason, bool tell,
	      const char *format, ...) __attribute__((format(printf, 4, 5)));

/* trunk_glitch() - something odd; true when that was one too many, and the end */
bool trunk_glitch(struct vif_trunk *trunk);

/* trunk_is_ours() - false in a child, which has copies of keys and counters */
static inline bool trunk_is_ours(const struct vif_trunk *trunk)
{
	return owner_is_us(&trunk->owner);
}

/* trunk_check() - 0, -ECONNABORTED after the end, -EOWNERDEAD in a child */
int trunk_check(const struct vif_trunk *trunk);

/* trunk_may_open() - the same, and -ESHUTDOWN when nothing new may be opened */
int trunk_may_open(const struct vif_trunk *trunk);

/* trunk_settle() - go on with a drain or a close, when something has ended */
void trunk_settle(struct vif_trunk *trunk);

/* trunk_begin_drain() - it has to be over in time */
void trunk_begin_drain(struct vif_trunk *trunk);

/* trunk_session_moved() - take the keys when there are some */
void trunk_session_moved(struct vif_trunk *trunk);

/* trunk_became_ready() - READY came */
void trunk_became_ready(struct vif_trunk *trunk);

/*
 * trunk_can_start() - whether one that waits can be opened now
 * trunk_start_circuits() - send OPEN of all that can
 */
bool trunk_can_start(const struct vif_trunk *trunk);
void trunk_start_circuits(struct vif_trunk *trunk);

/* trunk_evict() - close it, as others need its memory */
void trunk_evict(struct vif_trunk *trunk);

/* trunk_said_close(), trunk_got_close() - CLOSE was written, or came */
void trunk_said_close(struct vif_trunk *trunk);
void trunk_got_close(struct vif_trunk *trunk, const uint8_t *body, size_t len);

void trunk_init_buckets(struct buckets *bucket, uint64_t now_ns);
struct seal_life trunk_seal_life(const struct vif_trunk *trunk);

/* trunk_export() - a secret for programs; 0 or -ENOMEM */
int trunk_export(struct vif_trunk *trunk, const uint8_t *exporter,
		 const char *label, const void *context, size_t context_len,
		 uint8_t ret_key[VIF_KEY_LEN]);

/* receive.c */

/* frame_fits() - whether a header says nothing but what its type allows */
bool frame_fits(const struct frame_form *form,
		const struct frame_header *frame);

/* frame_is_blank() - whether what follows a header is zeros */
bool frame_is_blank(const struct frame_header *frame, const uint8_t *body);

/* reason.c */

/* text_is_clean() - whether it can be shown: UTF-8, no control characters */
bool text_is_clean(const uint8_t *text, size_t len);

/* ending_set() - a reason and its text, unless there is one already */
void ending_set(struct ending *ending, uint32_t reason, const char *text,
		size_t len);

/* ending_get() - from a frame; a text that cannot be shown is left out */
void ending_get(struct ending *ending, const uint8_t *from, size_t len);

/* trunk_log() - have is the level of the trunk, or of a circuit */
void trunk_log(const struct vif_trunk *trunk, enum vif_log_level have,
	       enum vif_log_level level, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* circuit.c */

int circuit_new(struct vif_trunk *trunk, bool is_local,
		struct vif_circuit **ret_circuit);

/* circuit_enter() - its state from now on */
void circuit_enter(struct vif_circuit *circuit, enum circuit_state state);

/* circuit_start() - the trunk can carry it: say OPEN */
void circuit_start(struct vif_circuit *circuit);

/*
 * circuit_take_place() - OPEN is queued, so it is one of CORE_HANDSHAKES
 * circuit_leave_place() - CONFIRM or SHUT is; no harm if it has none
 */
void circuit_take_place(struct vif_circuit *circuit);
void circuit_leave_place(struct vif_circuit *circuit);

/*
 * circuit_number() - OPEN is about to be said: take the next number
 *
 * Not before, since the other side must not miss one: a circuit can be given up
 * while it waits.
 */
void circuit_number(struct vif_circuit *circuit);

/* circuit_end() - it is over; with shut the other side gets a SHUT */
void circuit_end(struct vif_circuit *circuit, uint32_t reason, const char *text,
		 bool shut);

/* circuit_fault() - the other side broke a rule: the end */
void circuit_fault(struct vif_circuit *circuit, uint32_t reason,
		   const char *text);

/* circuit_got_close(), circuit_got_shut() - such a frame came */
void circuit_got_close(struct vif_circuit *circuit, const uint8_t *body,
		       size_t len);
void circuit_got_shut(struct vif_circuit *circuit, const uint8_t *body,
		      size_t len);

/*
 * circuit_close_as() - close in order, for a reason of the protocol
 *
 * A program that has not accepted it still may, and gets what flows brought.
 */
int circuit_close_as(struct vif_circuit *circuit, uint32_t reason,
		     const char *text);

/* circuit_buckets() - what it takes from: its own, or the trunk's */
struct buckets *circuit_buckets(struct vif_circuit *circuit);

/*
 * circuit_flood() - too much of something
 * circuit_glitch() - something odd; true when that was one too many
 *
 * The end of whom the other side of the trunk answers for: a sealed circuit by
 * itself, others with the trunk.
 */
void circuit_flood(struct vif_circuit *circuit, const char *text);
bool circuit_glitch(struct vif_circuit *circuit);

/* circuit_may_open() - whether the other side takes one more of ours now */
bool circuit_may_open(struct vif_trunk *trunk);

/* circuit_became_open() - its handshake is done */
void circuit_became_open(struct vif_circuit *circuit);

/* circuit_forget() - no frame is about it any more */
void circuit_forget(struct vif_circuit *circuit);

/* circuit_settle() - something of it has ended */
void circuit_settle(struct vif_circuit *circuit);

/* circuit_reap() - free what was buried; when nobody is at work */
void circuit_reap(struct vif_trunk *trunk);

/* circuit_want() - a frame of the trunk is to be sent for it */
void circuit_want(struct vif_circuit *circuit, enum circuit_wants what);

/* circuit_poke() - it may have frames of its own to send */
void circuit_poke(struct vif_circuit *circuit);

/* circuit_unblock() - there is credit for it */
void circuit_unblock(struct vif_circuit *circuit);

/* circuit_has_small() - whether it has frames without data to send */
bool circuit_has_small(const struct vif_circuit *circuit);

/* circuit_can_close() - whether all data is out, so that CLOSE may go */
bool circuit_can_close(const struct vif_circuit *circuit);

/* circuit_receives() - whether frames of its own may come */
bool circuit_receives(const struct vif_circuit *circuit);

/*
 * circuit_hop(), circuit_got_hop() - what OPEN and ACCEPT say of the next hop
 *
 * The first limit in the lower 48 bits, and above the plaintext that all hops
 * behind it carry. False for one that makes no sense.
 */
uint64_t circuit_hop(const struct vif_circuit *circuit);
bool circuit_got_hop(struct vif_circuit *circuit, uint64_t value);

struct vif_circuit *circuit_find(const struct vif_trunk *trunk, uint32_t id);

/* identity.c */

/* identity_find() - one that is not the trunk's own; NULL for none */
const struct noise_pair *identity_find(const struct vif_trunk *trunk,
				       const uint8_t key[VIF_KEY_LEN]);

/* identity_forget_all() - no handshake is left; twice is allowed */
void identity_forget_all(struct vif_trunk *trunk);

/* dial.c */

/* dial_init() - keep what is needed of a config; 0 or -errno */
int dial_init(struct vif_circuit *circuit,
	      const struct vif_circuit_config *config);

/* dial_start() - make the OPEN; 0 or -errno */
int dial_start(struct vif_circuit *circuit);

/* dial_message() - body of the OPEN, ACCEPT or CONFIRM that is to be sent */
const uint8_t *dial_message(const struct vif_circuit *circuit, size_t *ret_len);

/* dial_keep() - take a body over as it is, to be passed on; 0 or -ENOMEM */
int dial_keep(struct vif_circuit *circuit, const uint8_t *body, size_t len);

/* dial_pinned() - who the far end has to be; NULL: anybody, or it is known */
const uint8_t *dial_pinned(const struct vif_circuit *circuit);

/* dial_free() - wipe what a handshake needed; twice is allowed */
void dial_free(struct vif_circuit *circuit);

/* Frames that came. */
void dial_got_open(struct vif_trunk *trunk, const struct frame_header *frame,
		   const uint8_t *body);
void dial_got_accept(struct vif_circuit *circuit,
		     const struct frame_header *frame, const uint8_t *body);
void dial_got_confirm(struct vif_circuit *circuit, const uint8_t *body,
		      size_t len);

/* flow.c */

int flow_new(struct vif_circuit *circuit, bool is_local, uint32_t weight,
	     struct vif_flow **ret_flow);

/* flow_log() - at VIF_LOG_DEBUG */
void flow_log(const struct vif_flow *flow, const char *what, uint32_t code);

/* flow_settle() - forget it when both directions are over and nobody has it */
void flow_settle(struct vif_flow *flow);

/* flow_heard() - it has something to send, or nothing, or a number */
void flow_heard(struct vif_flow *flow);

/* flow_end() - its circuit has ended */
void flow_end(struct vif_flow *flow, uint32_t reason);

/* flow_want() - it has a frame without data to send */
void flow_want(struct vif_flow *flow);

/* flow_poke() - it may have data to send */
void flow_poke(struct vif_flow *flow);

/* flow_do_reset(), flow_do_stop() - drop what is to be sent, or has come */
void flow_do_reset(struct vif_flow *flow, uint32_t code);
void flow_do_stop(struct vif_flow *flow, uint32_t code);

/* flow_drop_received() - throw it away, as if it were consumed */
void flow_drop_received(struct vif_flow *flow);

/* flow_wrote(), flow_sent() - payload has come into its queue, or left it */
void flow_wrote(struct vif_flow *flow, uint32_t len);
void flow_sent(struct vif_flow *flow, uint32_t len);

/* flow_give_up() - memory has run out in the middle of a write; returns error */
int flow_give_up(struct vif_flow *flow, int error);

/* flow_may_write() - 0, or what vif_flow_write() returns */
int flow_may_write(const struct vif_flow *flow, bool is_lane);

/* flow_may_read() - 1 when there are bytes, or what vif_flow_read() returns */
int flow_may_read(const struct vif_flow *flow, bool is_lane);

/* room.c */

/* flow_room() - bytes a write would take */
uint32_t flow_room(const struct vif_flow *flow);

/* room_wanted() - a write took less than it should; with len it takes more */
void room_wanted(struct vif_flow *flow, uint32_t len);

/* room_needed() - what a flow needs has changed */
void room_needed(struct vif_flow *flow);

/* room_came_of() - bytes of a flow have left its queue */
void room_came_of(struct vif_flow *flow);

/* room_came() - bytes of a circuit have left queues; while it lists flows, too */
void room_came(struct vif_circuit *circuit);

/* room_leave() - it waits no more */
void room_leave(struct vif_flow *flow);

/*
 * room_wake() - tell the first who can write; false when there is nobody to tell
 *
 * Moves flows in the list of their circuit: nobody may be walking there.
 */
bool room_wake(struct vif_trunk *trunk);

/* lane.c */

/* lane_next_len() - of the first packet with its header; 0: not known yet */
uint32_t lane_next_len(const struct byte_queue *queue);

/* stream.c */

/* stream_receive() - a frame of a circuit; false when the circuit has ended */
bool stream_receive(struct vif_circuit *circuit,
		    const struct frame_header *frame, struct block *block,
		    uint32_t offset, bool may_have_data);

/* window.c */

/* window_open() - take a circuit's window; false when memory is all promised */
bool window_open(struct vif_circuit *circuit);
bool window_open_relayed(struct vif_circuit *half);
void window_close(struct vif_circuit *circuit);

/*
 * window_may_come() - whether something new of the other side may be taken
 *
 * With a budget, while there is room for one more circuit.
 */
bool window_may_come(struct vif_trunk *trunk);

/* window_tell_use() - tell the budget of it, when the trunk was in use since */
void window_tell_use(struct vif_trunk *trunk);

/* window_consumed() - the program is done with len bytes of a flow */
void window_consumed(struct vif_flow *flow, uint32_t len);

/* window_of_lane() - make room for packets; false when there is none */
bool window_of_lane(struct vif_flow *flow);

/* window_blocked(), window_unblocked() - data waits for credit; how long */
void window_blocked(const struct vif_trunk *trunk, uint64_t *since_ns);
void window_unblocked(const struct vif_trunk *trunk, uint64_t *since_ns,
		      uint64_t *blocked_ns);

/* window_trunk(), window_hop() - tell a limit if it is time */
void window_trunk(struct vif_trunk *trunk);
void window_hop(struct vif_circuit *circuit);

/* control.c */

/* control_receive() - a frame of the trunk */
void control_receive(struct vif_trunk *trunk, const struct frame_header *frame,
		     const uint8_t *body);

/* control_was_circuit() - whether a circuit ever had that number */
bool control_was_circuit(const struct vif_trunk *trunk, uint32_t id);

/* control_is_wanted() - whether there are frames of the trunk to send */
bool control_is_wanted(const struct vif_trunk *trunk);

/* control_build() - write them; returns the length */
size_t control_build(struct vif_trunk *trunk, uint8_t *to, size_t size);

/* schedule.c */

/* schedule_is_ready() - whether there is a record to send */
bool schedule_is_ready(const struct vif_trunk *trunk);

/* schedule_record() - seal the next one; returns its length, or 0 */
size_t schedule_record(struct vif_trunk *trunk, uint8_t *to, size_t size);

/* timer.c */

uint64_t time_after(const struct vif_trunk *trunk, uint64_t ns);
uint64_t timer_next(const struct vif_trunk *trunk);
void timer_run(struct vif_trunk *trunk);
void timer_sign_of_life(struct vif_trunk *trunk);
void timer_record_came(struct vif_trunk *trunk);
void timer_circuit_idle(struct vif_circuit *circuit);
void timer_got_pong(struct vif_trunk *trunk, uint64_t token);

/* event.c */

void event_trunk(struct vif_trunk *trunk, enum vif_trunk_event_type type);
void event_circuit(struct vif_circuit *circuit, enum vif_trunk_event_type type);
void event_flow(struct vif_flow *flow, enum vif_trunk_event_type type);

/* event_release_flows() - the program has accepted a circuit */
void event_release_flows(struct vif_circuit *circuit);

#endif
