"""One register agreed over several stores: CASPaxos, replies in, requests out.

The stores are acceptors, whoever calls is a proposer, and there is no server. A change reads, prepares a ballot on a
majority, applies the change function to the value found there, and has the result accepted by a majority
(D. Rystsov, "CASPaxos: Replicated State Machines without logs", 2018; L. Lamport, "Paxos Made Simple", 2001).

May not be inside: an SDK, threads, asyncio, a clock, chance. Nonces and times come in as arguments.
"""
