-- Says that nothing more will be added to a batch.
-- @argument batch text: its id
-- @argument cut_at text: the first line of input that was not submitted, when feeding was cut; else ''
-- @answer rows: 1, or 0 when there is no such batch: one past its retention is not created again; and the
--   batches that this has ended, as `batches/ended` says
-- @include batches/ended
-- @keys batch
if not batch_of(batch) then return {0, {}} end
redis.call('HSET', batch_key(batch), 'sealed', 1)
if cut_at ~= '' then redis.call('HSET', batch_key(batch), 'cut', cut_at) end
note_ends(batch)
return {1, ended_batches}
