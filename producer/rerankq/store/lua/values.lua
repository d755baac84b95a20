-- Values as they are stored, by whatever version of rerankq, or by another hand.
-- Defines whole(value), number(field), text(field) and encoded(object).

local function whole(value) return string.format('%.0f', value) end

-- What a field says, 0 where it is not there or says no number that a field of ours would.
local function number(field)
  local found = tonumber(field)
  return found and found > -2 ^ 53 and found < 2 ^ 53 and found or 0
end
-- What a field says, nil where it is not there or says no text.
local function text(field) return type(field) == 'string' and field or nil end

-- A record as it is stored. JSON has no word for numbers without an end: where one stands in a
-- record, directly or deeper, that field goes. Not looked for first: that costs more than all this.
local function encoded(job)
  local sound, stored = pcall(cjson.encode, job)
  if sound then return stored end
  for field, value in pairs(job) do
    if type(value) ~= 'string' and not pcall(cjson.encode, {value}) then job[field] = nil end
  end
  return cjson.encode(job)
end
