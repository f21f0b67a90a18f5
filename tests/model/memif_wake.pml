/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sleeping and waking on a memif ring, with the store buffers of a CPU.
 *
 * A store goes into the buffer of its CPU, and reaches memory some time later,
 * in order (x86-TSO; a weaker machine with the sequentially consistent accesses
 * of ring/memif_ring.h is not weaker here). A fence waits for the buffer. System
 * calls on the event are atomic, and the peer sees them at once, but they wait
 * for no buffer: no promise of the kernel says so.
 *
 * A lost wake-up is a consumer that waits for ever although there are packets:
 * spin reports an invalid end state. run.py says what must hold of each variant:
 *
 *   (none)             what we do, adaptive: masked while awake
 *   INTERRUPT          what we do in interrupt mode: never masked
 *   PRODUCER_UNFENCED  a producer that looks at the flag without a fence
 *   CONSUMER_UNFENCED  a consumer that looks again without a fence
 *   CLEAR_LATE         a consumer that clears the event after its look
 *   UNMASK_LATE        a consumer that looks, and unmasks then
 */
#define PACKETS 4
#define BURST   2

byte index_ = 0;    /* the producer's, in memory */
bit masked = 0;     /* the flag, in memory */
byte event_ = 0;    /* the count of the eventfd */
byte received = 0;  /* packets the consumer has taken */

chan producer_stores = [2] of { byte };
chan consumer_stores = [2] of { bit };

/* The buffers reach memory whenever they like. */
active proctype drain_producer()
{
	byte value;

end:	do
	:: atomic { producer_stores ? value; index_ = value; value = 0 }
	od
}

active proctype drain_consumer()
{
	bit value;

end:	do
	:: atomic { consumer_stores ? value; masked = value; value = 0 }
	od
}

active proctype producer()
{
	byte sent = 0;

	do
	:: sent < PACKETS ->
		/* one packet, or as many as a burst has */
		if
		:: sent = sent + 1
		:: sent + BURST <= PACKETS -> sent = sent + BURST
		fi;
		producer_stores ! sent;
#ifndef PRODUCER_UNFENCED
		empty(producer_stores);
#endif
		if
		:: masked
		:: else -> atomic { empty(producer_stores); event_ = event_ + 1 }
		fi
	:: else -> break
	od
}

inline set_masked(value)
{
#ifndef INTERRUPT
	consumer_stores ! value;
#endif
	skip
}

inline fence()
{
#ifndef CONSUMER_UNFENCED
	empty(consumer_stores);
#endif
	skip
}

active proctype consumer()
{
	byte seen;

	set_masked(1);
	do
	:: received == PACKETS -> break
	:: else ->
		seen = index_;
		if
		:: seen != received ->
			received = seen;
#ifdef CLEAR_LATE
			event_ = 0;
#endif
		:: else ->
			/* nothing there: fall asleep */
#if defined(CLEAR_LATE)
			set_masked(0);
			fence();
			seen = index_;
			event_ = 0;
#elif defined(UNMASK_LATE)
			event_ = 0;
			seen = index_;
			set_masked(0);
			fence();
#else
			event_ = 0;
			set_masked(0);
			fence();
			seen = index_;
#endif
			if
			:: seen == received -> event_ > 0 /* poll(2) */
			:: else
			fi;
			set_masked(1)
		fi
	od
}
