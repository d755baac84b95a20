-- Lets a paused batch go on: its jobs may be claimed again, and some of those that were held back are queued.
-- Safe to repeat: what was queued, but not announced because the answer was lost, is found by its lost hint.
-- @argument batch text: its id
-- @argument most number: most jobs to queue
-- @argument is_first flag: whether this is the first portion. A later one does nothing when the batch was paused
--   again meanwhile.
-- @answer rows: -1 when there is no such batch, else how many jobs are still held back, or 0 when it is paused;
--   1 when the batch was paused before this call, else 0; then for each lane: its name, and the ids to announce.
-- @include batches/portions
-- @keys batch
local found = batch_of(batch)
if not found then return {-1, 0} end
local was_paused = found.is_paused
if was_paused and not is_first or found.is_cancelled then return {0, 0} end
if was_paused then
  redis.call('HSET', batch_key(batch), 'paused_at', '')
  found.is_paused = false
end
local announce = {}
local answer = {let_go(batch, most, now_ms(), announce), was_paused and 1 or 0}
for lane, ids in pairs(announce) do answer[#answer + 1] = {lane, ids} end
return answer
