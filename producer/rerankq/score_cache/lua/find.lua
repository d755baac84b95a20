-- Finds the stored scores of pairs. It writes nothing, so it also works while Redis is full.
-- @argument ttl_ms number: how old a generation may be whose scores are used
-- @argument sources json: names of the sources whose epochs are asked for
-- @argument wanted text: the keys of the pairs, 12 bytes each
-- @answer rows: one text, 12 bytes for each pair, zeros for one that is not known; then the epoch of each source,
-- empty while there is no cache yet
-- @include clock
-- @include values
-- @include generations
-- @keys reuse
local NOT_KNOWN = string.rep('\0', 12)
local state, now, readable = state_of_cache(), now_ms(), {}
for _, name in ipairs({'current', 'previous'}) do
  local generation = state[name]
  if generation and generation.began <= now and now - generation.began < ttl_ms then
    readable[#readable + 1] = generation
  end
end
local found = {}
for at = 1, #wanted - 11, 12 do
  local score = NOT_KNOWN
  for _, generation in ipairs(readable) do
    local key, field = bucket_of(generation, wanted, at)
    -- Something else may have written a value of another type under that key.
    local stored = redis.pcall('HGET', key, field)
    if type(stored) == 'string' and #stored == 12 then
      score = stored
      break
    end
  end
  found[#found + 1] = score
end
local answer = {table.concat(found)}
for _, source in ipairs(sources) do
  local epoch = not state.is_foreign and redis.call('HGET', reuse_key, 'epoch:' .. source)
  answer[#answer + 1] = epoch or state.base
end
return answer
