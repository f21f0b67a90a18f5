/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A memif ring between two CPUs that keep as little order as C11 asks of them.
 *
 * Each has a store buffer, from which stores to different places reach memory in
 * any order: only one with release waits until those before it are there. A load
 * that could be early, for want of an acquire in front of it, is done early by
 * the variants below. Indices count modulo INDEX, the ring has SLOTS slots, and
 * packets are numbered, so that a slot read too early, overwritten too early, or
 * read twice is another number than the next one; what the receiver has taken it
 * overwrites, as we do. All go around several times.
 *
 * As in port/memif/queue_inner.h a client's index leads by the size of the ring:
 * a receiver's tells how far the slots are on offer, a sender's looks as much
 * further. A server that sends reads in a slot which buffer is on offer there; a
 * client has a table of its own, and needs less than its model does.
 *
 * run.py says what must hold of each variant:
 *
 *   (none)           what we do; the client receives
 *   CLIENT_SENDS     what we do; the client sends
 *   PUBLISH_RELAXED  a sender whose index is stored without release
 *   LOOK_RELAXED     a receiver that looks at the index without acquire
 *   ROOM_RELAXED     a sender that looks at the index without acquire
 *   GIVE_RELAXED     a receiver whose index is stored without release
 *   GIVE_EARLY       the same, and its loads come behind that store
 *   INDEX=SLOTS      indices that cannot tell a full ring from an empty one
 */
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef INDEX
#define INDEX (2 * SLOTS)
#endif
#define PACKETS (2 * INDEX + 1)
#define EMPTY   0

#ifdef CLIENT_SENDS
#define TX_LEAD SLOTS
#define RX_LEAD 0
#else
#define TX_LEAD 0
#define RX_LEAD SLOTS
#endif

#define AHEAD(newer, older) ((newer + INDEX - older) % INDEX)

/* in memory */
byte slot[SLOTS];
byte filled = 0;               /* the sender's index */
byte given = RX_LEAD % INDEX;  /* the receiver's */

/* on the way there: slot and value; index */
chan tx_slot = [SLOTS] of { byte, byte };
chan rx_slot = [SLOTS] of { byte, byte };
chan tx_index = [1] of { byte };
chan rx_index = [1] of { byte };

#define DRAIN(i) \
	:: atomic { tx_slot ?? i, value -> assert(slot[i] == EMPTY); \
		    slot[i] = value; value = 0 } \
	:: atomic { rx_slot ?? i, value -> slot[i] = value; value = 0 }

active proctype memory()
{
	byte value;

end:	do
	DRAIN(0)
	DRAIN(1)
#if SLOTS == 4
	DRAIN(2)
	DRAIN(3)
#endif
	:: atomic { tx_index ? value -> filled = value; value = 0 }
	:: atomic { rx_index ? value -> given = value; value = 0 }
	od
}

active proctype sender()
{
	byte next = 0, sent = 0, n = 0, room, seen, offer;

	do
	:: sent < PACKETS ->
#ifdef ROOM_RELAXED
		offer = slot[next % SLOTS];
#endif
		seen = given;
		room = AHEAD(seen + TX_LEAD, next);
		assert(room <= SLOTS);
		if
		:: room == 0 -> given != seen
		:: else ->
#ifdef ROOM_RELAXED
			room = 1;
#endif
			/* one packet, or as many as there is room for */
			do
			:: n < room && sent < PACKETS ->
#ifndef ROOM_RELAXED
				offer = slot[next % SLOTS];
#endif
				d_step { assert(offer == EMPTY); offer = 0 }
				tx_slot ! next % SLOTS, sent + 1;
				d_step {
					next = (next + 1) % INDEX;
					sent = sent + 1;
					n = n + 1
				}
			:: n > 0 -> break
			od;
			n = 0;
#ifndef PUBLISH_RELAXED
			empty(tx_slot);
#endif
			tx_index ! next
		fi
	:: else -> break
	od
}

inline take()
{
	d_step {
		assert(value == received + 1);
		received = received + 1
	}
}

active proctype receiver()
{
	byte next = 0, received = 0, n = 0, ready, seen, value;

	do
	:: received < PACKETS ->
#ifdef LOOK_RELAXED
		value = slot[next % SLOTS];
#endif
		seen = filled;
		ready = AHEAD(seen, next);
		assert(ready <= SLOTS);
		if
		:: ready == 0 -> filled != seen
		:: else ->
#ifdef LOOK_RELAXED
			ready = 1;
#endif
#ifdef GIVE_EARLY
			rx_index ! (next + ready + RX_LEAD) % INDEX;
#endif
			/* one packet, or all there are */
			do
			:: n < ready && received < PACKETS ->
#ifndef LOOK_RELAXED
				value = slot[next % SLOTS];
#endif
				take();
				rx_slot ! next % SLOTS, EMPTY;
				d_step {
					next = (next + 1) % INDEX;
					n = n + 1
				}
#ifndef GIVE_EARLY
			:: n > 0 -> break
#else
			:: n == ready -> break
#endif
			od;
			n = 0;
#ifndef GIVE_EARLY
#ifndef GIVE_RELAXED
			empty(rx_slot);
#endif
			rx_index ! (next + RX_LEAD) % INDEX
#endif
		fi
	:: else -> break
	od
}
