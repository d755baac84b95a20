-- Sets the budget of a batch, or lifts it. Safe to repeat.
-- @argument batch text: its id
-- @argument fields json: budget, budget_unit and, for money, budget_rates; none of them to lift it
-- @answer flag: 1; 0 when there is no such batch, or the budget that it has is in another unit.
-- @include batches
-- @keys batch
if not batch_of(batch) then return 0 end
local unit = redis.call('HGET', batch_key(batch), 'budget_unit')
if fields.budget and unit and unit ~= fields.budget_unit then return 0 end
-- The unit stays when a budget is lifted: reserved and spent are counted in it.
redis.call('HDEL', batch_key(batch), 'budget')
for name, value in pairs(fields) do redis.call('HSET', batch_key(batch), name, value) end
return 1
