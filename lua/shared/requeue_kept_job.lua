-- Adds the job that was kept for when the owner of its deduplication window finishes.
--
-- returns nothing
local function requeue_kept_job(queue, deduplication_id, window, now)
  local kept_key = queue.prefix .. "dn:" .. deduplication_id
  local kept = redis.call("HMGET", kept_key, "name", "data", "opts", "jid", "pk", "pd", "pdk", "rjk")
  if not kept[1] and redis.call("EXISTS", kept_key) == 0 then
    return
  end
  -- include number_or flush_doomed own_deduplication store_job place_job
  local ok, options = pcall(cjson.decode, kept[3] or "{}")
  if not ok or type(options) ~= "table" then
    -- The job is added with its text as it is: its worker will say what is wrong with it.
    options = {}
  end
  local delay, priority = number_or(options.delay, 0), number_or(options.priority, 0)
  local number = redis.call("INCR", queue.prefix .. "id")
  local id = kept[4] or string.format("%.0f", number)
  local job = {
    id = id, key = queue.prefix .. id, name = kept[1] or "", data = kept[2] or "{}",
    opts = kept[3] or "{}", timestamp = now, delay = delay, priority = priority,
    parent_key = kept[5], parent = kept[6] or "", repeat_key = kept[8],
    deduplication_id = deduplication_id,
  }
  -- A job of this id may be among those to be deleted.
  flush_doomed(queue)
  own_deduplication(window, id, type(options.de) == "table" and options.de or {})
  store_job(queue, job)
  place_job(queue, id, now, delay, priority, options.lifo == true)
  if kept[7] then
    redis.call("SADD", kept[7], job.key)
  end
  redis.call("DEL", kept_key)
end
