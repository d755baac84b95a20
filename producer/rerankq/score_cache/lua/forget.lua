-- Forgets all scores of some sources: each gets a new epoch, and scores of another epoch are not used.
-- @argument token text: hexadecimal digits, the new epoch
-- @argument sources json: names of the sources
-- @answer nothing: safe to repeat
-- @include values
-- @include generations
-- @keys reuse
local MOST = 500 -- jobs may name any model
local state = state_of_cache()
-- Where there is no cache, nothing is known.
if state.base == '' then return end
local has_room = not is_full() or state.dropped or state.previous or state.current
if not has_room or redis.call('HLEN', reuse_key) + #sources > MOST then
  -- Without this key no score can be found: its buckets expire by themselves.
  redis.call('UNLINK', reuse_key)
  return
end
-- What gives memory back may write after it also while Redis is full.
if is_full() then give_back(state, 1) end
for _, source in ipairs(sources) do redis.call('HSET', reuse_key, 'epoch:' .. source, token) end
