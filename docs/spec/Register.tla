------------------------------ MODULE Register ------------------------------
(* One register of the shared table: CASPaxos over the stores of one set,   *)
(* and its move to the stores of the next set by seal and copy.             *)
(*                                                                          *)
(* Every message that was sent stays in the set `sent` for ever, so that it *)
(* may arrive late, twice, out of order or never. A proposer that crashes   *)
(* takes no more steps, which is one of the behaviours here. A ballot is    *)
(* one attempt: it is never used twice.                                     *)
(*                                                                          *)
(* The rows of the two sets are apart, also in a store that belongs to both,*)
(* so that which stores stay makes no difference here.                      *)
(*                                                                          *)
(* The register holds a sequence of operation names. A change appends the   *)
(* name of its ballot, and so does every change that is not the seal: with  *)
(* a list that tells its own history, a lost or doubled write is seen in it.*)
(* The seal is one more value: SEALED(list), agreed like any other.         *)

EXTENDS Naturals, Sequences, FiniteSets, TLC

CONSTANTS
    OldRows,        \* the rows of the set that is left, one a store
    NewRows,        \* those of the set that comes
    OldBallots,     \* how many attempts there may be in the set that is left
    NewBallots      \* and in the one that comes

Old == "old"
New == "new"
Sets == {Old, New}
Rows == OldRows \cup NewRows
RowsOf(set) == IF set = Old THEN OldRows ELSE NewRows
Quorums(set) == {q \in SUBSET RowsOf(set) : 2 * Cardinality(q) > Cardinality(RowsOf(set))}
Ballots(set) == IF set = Old THEN 1..OldBallots ELSE 1..NewBallots
Symmetry == Permutations(OldRows) \cup Permutations(NewRows)

None == [list |-> <<>>, sealed |-> FALSE, held |-> FALSE]
Holding(list) == [list |-> list, sealed |-> FALSE, held |-> TRUE]
Sealed(list) == [list |-> list, sealed |-> TRUE, held |-> TRUE]

VARIABLES
    promised,       \* row -> the highest ballot promised in it; 0 for none
    accepted,       \* row -> the ballot accepted in it; 0 for none
    value,          \* row -> the value accepted in it
    sent            \* every message that was ever sent

vars == <<promised, accepted, value, sent>>

Init ==
    /\ promised = [r \in Rows |-> 0]
    /\ accepted = [r \in Rows |-> 0]
    /\ value = [r \in Rows |-> None]
    /\ sent = {}

(* An acceptor promises ballot b if it is at or above what it promised.     *)
Promise(s, r, b) ==
    /\ promised[r] <= b
    /\ promised' = [promised EXCEPT ![r] = b]
    /\ sent' = sent \cup {[type |-> "promise", set |-> s, row |-> r, ballot |-> b,
                           accepted |-> accepted[r], value |-> value[r]]}
    /\ UNCHANGED <<accepted, value>>

(* It accepts under the same condition, and accepting promises the ballot.  *)
Accept(s, r, b) ==
    \E m \in sent :
        /\ m.type = "accept" /\ m.set = s /\ m.ballot = b
        /\ promised[r] <= b
        /\ promised' = [promised EXCEPT ![r] = b]
        /\ accepted' = [accepted EXCEPT ![r] = b]
        /\ value' = [value EXCEPT ![r] = m.value]
        /\ sent' = sent \cup {[type |-> "accepted", set |-> s, row |-> r, ballot |-> b, value |-> m.value]}

Promises(s, b, q) == {m \in sent : m.type = "promise" /\ m.set = s /\ m.ballot = b /\ m.row \in q}

(* The value of the highest accepted ballot that a majority's promises show.*)
Found(ms) == (CHOOSE m \in ms : \A other \in ms : other.accepted <= m.accepted).value

Proposed(s, b) == \E m \in sent : m.type = "accept" /\ m.set = s /\ m.ballot = b

Propose(s, b, v) ==
    /\ sent' = sent \cup {[type |-> "accept", set |-> s, ballot |-> b, value |-> v]}
    /\ UNCHANGED <<promised, accepted, value>>

(* With the promises of a majority, an attempt applies its change, once. A  *)
(* sealed value is left as it is by every change, and only made certain. In *)
(* the next set nothing begins anew: a change waits for the copy.           *)
Change(s, b) ==
    /\ ~Proposed(s, b)
    /\ \E q \in Quorums(s) :
        LET ms == Promises(s, b, q) IN
        /\ {m.row : m \in ms} = q
        /\ LET v == Found(ms) IN
           /\ s = New => v.held
           /\ Propose(s, b, IF v.sealed THEN v ELSE Holding(Append(v.list, <<s, b>>)))

(* The mover's change: seal, whatever the register holds.                   *)
Seal(b) ==
    /\ ~Proposed(Old, b)
    /\ \E q \in Quorums(Old) :
        LET ms == Promises(Old, b, q) IN
        /\ {m.row : m \in ms} = q
        /\ LET v == Found(ms) IN Propose(Old, b, IF v.sealed THEN v ELSE Sealed(v.list))

(* Chosen: a majority has accepted it under one ballot. Callers are told of *)
(* nothing else, so that what is acknowledged is among this.                *)
ChosenIn(s) ==
    {m \in sent : /\ m.type = "accept" /\ m.set = s
                  /\ \E q \in Quorums(s) : \A r \in q :
                       [type |-> "accepted", set |-> s, row |-> r, ballot |-> m.ballot, value |-> m.value] \in sent}

(* The copy: the sealed value goes into the next set, unless that holds one.*)
(* Anybody may carry it on who knows that the seal was chosen.              *)
Copy(b) ==
    /\ ~Proposed(New, b)
    /\ \E seal \in {m \in ChosenIn(Old) : m.value.sealed} :
        \E q \in Quorums(New) :
            LET ms == Promises(New, b, q) IN
            /\ {m.row : m \in ms} = q
            /\ LET held == Found(ms) IN Propose(New, b, IF held.held THEN held ELSE Holding(seal.value.list))

Next ==
    \E s \in Sets : \E b \in Ballots(s) :
        \/ \E r \in RowsOf(s) : Promise(s, r, b) \/ Accept(s, r, b)
        \/ Change(s, b)
        \/ s = Old /\ Seal(b)
        \/ s = New /\ Copy(b)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------

IsPrefix(l, m) == Len(l) <= Len(m) /\ SubSeq(m, 1, Len(l)) = l

Accepts == {m \in sent : m.type = "accept"}
Chosen == ChosenIn(Old) \cup ChosenIn(New)

AcceptedIsPromised == \A r \in Rows : accepted[r] <= promised[r]

(* One ballot, one value, for ever.                                         *)
OneValue == \A m, n \in Accepts : m.set = n.set /\ m.ballot = n.ballot => m = n

(* Agreement: of any two lists that were chosen, in whichever set, one goes *)
(* on from the other, so that all of them are parts of one history.         *)
Agreement == \A m, n \in Chosen : IsPrefix(m.value.list, n.value.list) \/ IsPrefix(n.value.list, m.value.list)

(* No acknowledged write is lost: what was chosen is a beginning of all that*)
(* is proposed under a higher ballot, and of all that the next set takes.   *)
NothingLost ==
    \A c \in Chosen : \A m \in Accepts :
        (m.set = c.set /\ m.ballot >= c.ballot) \/ (c.set = Old /\ m.set = New) => IsPrefix(c.value.list, m.value.list)

(* Once a seal is chosen, the old set takes nothing else.                   *)
SealedForEver == \A c \in ChosenIn(Old), m \in Accepts : c.value.sealed /\ m.set = Old /\ m.ballot >= c.ballot => m.value = c.value

(* No operation stands twice in a list.                                     *)
NothingTwice ==
    \A m \in Accepts : \A i, j \in 1..Len(m.value.list) : m.value.list[i] = m.value.list[j] => i = j
=============================================================================
