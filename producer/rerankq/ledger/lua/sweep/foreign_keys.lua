-- Shared keys that hold a value of another type, written by something else. Each script that uses such a key
-- fails, so a single one would hold up every job.
-- @defines put_foreign_keys_aside
-- @include places
-- @keys put_aside lane_set deadlines dead last_heard sweeper breakers accounts
-- @keys batches batches_resuming batches_cancelling batches_deadlines batches_holding imports shares turns lane_shared
-- @keys outbox outbox_taken outbox_size
-- @keys history history_ended history_open history_segments
-- @keys account account_workers account_lane account_slots account_answers

local function types_by_key()
  local types = {[deadlines_key] = 'zset', [dead_key] = 'zset', [last_heard_key] = 'zset',
    [sweeper_key] = 'hash', [breakers_key] = 'hash', [accounts_key] = 'set', [batches_key] = 'zset',
    [batches_resuming_key] = 'zset', [batches_cancelling_key] = 'zset', [batches_holding_key] = 'zset',
    [batches_deadlines_key] = 'zset', [history_key] = 'hash', [history_ended_key] = 'list',
    [history_open_key] = 'list', [history_segments_key] = 'zset',
    [imports_key] = 'zset', [outbox_size_key] = 'hash'}
  for _, kind in ipairs({'http', 'celery'}) do
    types[outbox_key(kind)], types[outbox_taken_key(kind)] = 'zset', 'zset'
  end
  for _, each in ipairs(lanes) do
    local lane, queue, again_queue = unpack(each)
    for _, state in ipairs({'queued', 'scheduled', 'running'}) do types[lane_set_key(lane, state)] = 'zset' end
    types[order_key(lane, false)], types[order_key(lane, true)] = 'hash', 'hash'
    types[shares_key(lane)], types[turns_key(lane)], types[lane_shared_key(lane)] = 'hash', 'zset', 'hash'
    types[queue], types[again_queue] = 'list', 'list'
  end
  return types
end

local function types_by_key_of(account)
  local types = {[account_key(account)] = 'hash', [account_workers_key(account)] = 'zset',
    [account_slots_key(account)] = 'hash', [account_answers_key(account)] = 'hash'}
  for _, each in ipairs(lanes) do types[account_lane_key(account, each[1])] = 'zset' end
  return types
end

-- Renamed, not deleted: the value may belong to somebody. Our own value was overwritten already.
local function put_aside_unless_of(types, met)
  for key, kind in pairs(types) do
    local found = redis.call('TYPE', key).ok
    if found ~= kind and found ~= 'none' then
      redis.call('RENAME', key, put_aside_key(key))
      met[#met + 1] = key
    end
  end
end

-- Returns their names.
function put_foreign_keys_aside()
  local met = {}
  put_aside_unless_of(types_by_key(), met)
  -- Only now is it sure that the accounts' names can be read.
  for _, account in ipairs(redis.call('SMEMBERS', accounts_key)) do
    put_aside_unless_of(types_by_key_of(account), met)
  end
  return met
end
