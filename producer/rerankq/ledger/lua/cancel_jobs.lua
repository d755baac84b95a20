-- Cancels some jobs of a batch that was cancelled, behind those of the calls before. Safe to repeat.
-- @argument keep_result_ms number: how long a result is kept
-- @argument keep_dead_ms number: how long a dead letter is kept
-- @argument batch text: its id
-- @argument most number: most entries to look at
-- @answer rows: how many jobs it ended, how many entries it looked at (less than `most`: there are no more), and
--   the batches that this has ended, as `batches/ended` says
-- @include batches/portions
local found = batch_of(batch)
if not found or not found.is_cancelled then return {0, 0, {}} end
local ended, looked_at = cancel_some(batch, most, now_ms(), {keep_result_ms, keep_dead_ms})
return {ended, looked_at, ended_batches}
