//! What administrators change: prices and budgets, for what begins from now on.

use super::{
    World,
    money::{ANSWERING, BESIDE, Price, dollars},
};
use serde_json::{Value, json};

impl World {
    /// A model costs something else from now on; what was charged stays as it is, and what runs keeps its price.
    pub(super) async fn change_price(&mut self) -> &'static str {
        let name = self
            .any_of(&[ANSWERING[0], ANSWERING[1], BESIDE])
            .expect("there are three");
        // With odd digits, at which rounding would show.
        let mut rate = || 100_000 + self.random.below(9_000_000) as i64;
        let wanted = Price {
            version: 0,
            input: rate(),
            cached: rate(),
            output: rate(),
        };
        let path = format!("/admin/models/{name}");
        let (status, body) = self.admin.put(&path, &wanted.as_change()).await;
        assert_eq!(status, 200, "{body}");
        let now = Price::of(&body);
        assert_eq!(
            now,
            Price {
                version: now.version,
                ..wanted
            }
        );
        let known = self.prices.values().map(|price| price.version);
        assert!(known.max().is_some_and(|last| now.version > last), "{body}");
        self.prices.insert(name, now);
        "change price"
    }

    /// A member may spend more or less from now on.
    pub(super) async fn change_budget(&mut self) -> &'static str {
        let member = self.any_member();
        let before = self.budget(member).await;
        let used = before.spent + before.reserved;
        let limit: Value = match self.random.below(6) {
            0 | 1 => Value::Null,
            2 => "0".into(),
            // So little that some turns fit and others do not.
            3 | 4 => dollars(used + self.random.below(200_000_000_000) as i64).into(),
            _ => "1000".into(),
        };
        let period = self.any_of(&["day", "month", "total"]).expect("there are three");
        let path = format!("/admin/users/{}/budget", self.members[member].id);
        let (status, body) = self
            .admin
            .put(&path, &json!({"limit": limit, "period": period}))
            .await;
        assert_eq!(status, 200, "{body}");
        let after = self.budget(member).await;
        // All that this test spends is spent today.
        assert_eq!((after.spent, after.reserved), (before.spent, before.reserved));
        "change budget"
    }
}
