-- Generations of scores: the current one is written and read, the previous one is only read. A generation goes
-- as a whole, so nothing has to search for old scores. Its scores are in as many hashes as it has buckets.
-- @defines state_of_cache as_generation generation_text bucket_of drop_buckets give_back is_full
-- @keys reuse reuse_bucket

-- A generation from its text; nil for anything else.
function as_generation(stored)
  if type(stored) ~= 'string' then return nil end
  local name, began, buckets = string.match(stored, '^(%x+) (%d+) (%d+)$')
  if not name or #name > 16 or #began > 15 or #buckets > 9 or tonumber(buckets) == 0 then return nil end
  return {name = name, began = tonumber(began), buckets = tonumber(buckets)}
end

function generation_text(generation)
  return string.format('%s %.0f %.0f', generation.name, generation.began, generation.buckets)
end

-- What is stored about the cache. A key of another type is told by `is_foreign`.
function state_of_cache()
  local fields = redis.pcall('HMGET', reuse_key, 'current', 'previous', 'dropped', 'pairs', 'base')
  if fields.err then return {is_foreign = true, pairs = 0, base = ''} end
  return {
    current = as_generation(fields[1]), previous = as_generation(fields[2]), dropped = as_generation(fields[3]),
    pairs = math.max(0, number(fields[4] or '')), base = fields[5] or '',
  }
end

-- The key of the bucket, and the field there, of the pair whose 12 bytes begin at `at`.
function bucket_of(generation, pairs_text, at)
  local a, b, c, d = string.byte(pairs_text, at, at + 3)
  local number = (((a * 256 + b) * 256 + c) * 256 + d) % generation.buckets
  return reuse_bucket_key(generation.name, string.format('%.0f', number)), string.sub(pairs_text, at + 4, at + 11)
end

-- Deletes some buckets of a generation that is not read any more; notes how many are left.
function drop_buckets(generation, most)
  local left = math.max(0, generation.buckets - most)
  local keys = {}
  for number = left, generation.buckets - 1 do
    keys[#keys + 1] = reuse_bucket_key(generation.name, string.format('%.0f', number))
    if #keys == 1000 or number == generation.buckets - 1 then
      redis.call('UNLINK', unpack(keys))
      keys = {}
    end
  end
  generation.buckets = left
  if left == 0 then
    redis.call('HDEL', reuse_key, 'dropped')
  else
    redis.call('HSET', reuse_key, 'dropped', generation_text(generation))
  end
end

-- Whether Redis refuses to store anything more. An empty text changes nothing, whatever is there.
function is_full()
  local answer = redis.pcall('SETRANGE', reuse_key, 0, '')
  return type(answer) == 'table' and answer.err ~= nil and string.find(answer.err, 'OOM', 1, true) ~= nil
end

-- Gives memory back to the rest of Redis: buckets of the oldest generation that there is. What deletes is
-- allowed while Redis is full, and after it the script may also write.
function give_back(state, most)
  local oldest = state.dropped or state.previous or state.current
  if not oldest then return end
  if oldest == state.previous then
    redis.call('HDEL', reuse_key, 'previous')
  elseif oldest == state.current then
    redis.call('HDEL', reuse_key, 'current', 'pairs')
  end
  drop_buckets(oldest, most)
end
