//! The map of slots, as a node tells it.

use redis::Value;

use super::slot::SLOTS;
use crate::conn::address::Address;

/// Which master serves which slot, and who else is there.
#[derive(Debug, Default)]
pub(super) struct SlotMap {
    /// By slot, a place in `masters`; `None` where nobody serves it.
    owners: Vec<Option<u16>>,
    pub(super) masters: Vec<Address>,
    /// Masters, then replicas.
    pub(super) nodes: Vec<Address>,
}

impl SlotMap {
    pub(super) fn owner(&self, slot: u16) -> Option<&Address> {
        let place = (*self.owners.get(usize::from(slot))?)?;
        self.masters.get(usize::from(place))
    }

    /// Notes that a slot moved.
    pub(super) fn set_owner(&mut self, slot: u16, address: &Address) {
        let place = self.place(address);
        if let Some(owner) = self.owners.get_mut(usize::from(slot)) {
            *owner = place;
        }
    }

    fn place(&mut self, master: &Address) -> Option<u16> {
        let known = self.masters.iter().position(|known| known == master);
        let place = known.unwrap_or_else(|| {
            self.masters.push(master.clone());
            self.masters.len() - 1
        });
        if !self.nodes.contains(master) {
            self.nodes.push(master.clone());
        }
        u16::try_from(place).ok()
    }
}

/// Reads a reply of `CLUSTER SLOTS` by `teller`; `None` when it is none.
pub(super) fn slot_map(reply: &Value, teller: &Address) -> Option<SlotMap> {
    let Value::Array(ranges) = reply else {
        return None;
    };
    let mut map = SlotMap {
        owners: vec![None; usize::from(SLOTS)],
        ..SlotMap::default()
    };
    let mut replicas = Vec::new();
    for range in ranges {
        let Value::Array(parts) = range else {
            return None;
        };
        let [Value::Int(first), Value::Int(last), nodes @ ..] = parts.as_slice() else {
            return None;
        };
        let mut addresses = nodes.iter().filter_map(|node| node_address(node, teller));
        let place = map.place(&addresses.next()?);
        replicas.extend(addresses);
        let (first, last) = (usize::try_from(*first).ok()?, usize::try_from(*last).ok()?);
        map.owners.get_mut(first..=last)?.fill(place);
    }
    for replica in replicas {
        if !map.nodes.contains(&replica) {
            map.nodes.push(replica);
        }
    }
    Some(map)
}

fn node_address(node: &Value, teller: &Address) -> Option<Address> {
    let Value::Array(parts) = node else {
        return None;
    };
    let [host, Value::Int(port), ..] = parts.as_slice() else {
        return None;
    };
    let host = match host {
        Value::BulkString(text) => String::from_utf8_lossy(text),
        Value::SimpleString(text) => text.into(),
        _ => "".into(),
    };
    Address::announced_parts(&host, u16::try_from(*port).ok()?, teller)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_is_read_and_kept_up_to_date() {
        let reply = redis::parse_redis_value(
            b"*2\r\n*4\r\n:0\r\n:8191\r\n*2\r\n$2\r\nh1\r\n:7000\r\n*2\r\n$2\r\nh3\r\n:7002\r\n\
              *3\r\n:8193\r\n:16383\r\n*2\r\n$0\r\n\r\n:7001\r\n",
        );
        let teller = Address::tcp("h2", 7001);
        let mut map = slot_map(&reply.unwrap(), &teller).unwrap();
        let owner = |map: &SlotMap, slot| map.owner(slot).map(ToString::to_string);
        assert_eq!(owner(&map, 0).as_deref(), Some("h1:7000"));
        assert_eq!(owner(&map, 8192), None);
        assert_eq!(owner(&map, 16383).as_deref(), Some("h2:7001"));
        assert_eq!((map.masters.len(), map.nodes.len()), (2, 3));
        map.set_owner(8192, &Address::tcp("h4", 7003));
        assert_eq!(owner(&map, 8192).as_deref(), Some("h4:7003"));
        assert_eq!((map.masters.len(), map.nodes.len()), (3, 4));
    }

    #[test]
    fn nonsense_is_no_map() {
        let teller = Address::tcp("h", 1);
        for reply in [
            &b"$1\r\nx\r\n"[..],
            b"*1\r\n:1\r\n",
            b"*1\r\n*3\r\n:0\r\n:99999\r\n*2\r\n$1\r\nh\r\n:1\r\n",
        ] {
            let reply = redis::parse_redis_value(reply).unwrap();
            assert!(slot_map(&reply, &teller).is_none());
        }
    }
}
