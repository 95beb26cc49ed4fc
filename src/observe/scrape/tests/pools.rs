//! Database connection pools.

use super::*;
use crate::observe::scrape::pools::SERIES_MAX;

#[test]
fn a_pool_without_a_limit_has_no_maximum() {
    let most = |page: &str| Watched::new("").follow(0, page).number(Role::DbPoolMax);
    let sqlalchemy = |size: &str, overflow: &str| {
        most(&format!(
            "db_pool_checked_out 4\ndb_pool_size {size}\ndb_pool_max_overflow {overflow}\n"
        ))
    };
    assert_eq!(sqlalchemy("5", "10"), Some(15.0));
    assert_eq!(sqlalchemy("5", "0"), Some(5.0));
    assert_eq!(sqlalchemy("5", "-1"), None);
    let go = |first: &str, second: &str| {
        most(&format!(
            "go_sql_in_use_connections{{db_name=\"a\"}} 4\ngo_sql_max_open_connections{{db_name=\"a\"}} {first}\ngo_sql_max_open_connections{{db_name=\"b\"}} {second}\n"
        ))
    };
    assert_eq!(go("10", "20"), Some(30.0));
    for none in ["0", "-1", "2147483647", "9.223372036854776e+18", "+Inf"] {
        assert_eq!(go("10", none), None, "{none}");
    }
}

#[test]
fn the_fullest_of_several_pools_counts() {
    let usage = |page: &str| {
        let metrics = Watched::new("").follow(0, page);
        (metrics.pool_usage(), metrics.number(Role::DbPoolMax))
    };
    let hikari = |pool: &str, active: f64, max: u32| {
        format!(
            "hikaricp_connections_active{{application=\"a\",pool=\"{pool}\"}} {active}\n\
             hikaricp_connections_max{{application=\"a\",pool=\"{pool}\"}} {max}\n"
        )
    };
    let page = hikari("orders", 10.0, 10) + &hikari("reports", 0.0, 30);
    assert_eq!(usage(&page), (Some(1.0), Some(40.0)));
    let name = |page: &str| Watched::new("").follow(0, page).fullest_pool;
    assert_eq!(name(&page).as_deref(), Some("orders"));
    assert_eq!(name(&hikari("orders", 10.0, 10)), None, "the only one");
    // One without a limit.
    let page = hikari("orders", 5.0, 10) + &hikari("reports", 9.0, 0);
    assert_eq!(usage(&page), (Some(0.5), None));
    // One whose use is not a number, or without a bound.
    for unknown in [f64::NAN, f64::INFINITY] {
        let page = hikari("orders", 5.0, 10) + &hikari("reports", unknown, 30);
        assert_eq!(usage(&page).0, Some(0.5), "{unknown}");
    }
    // The limit has other labels than the states of connections.
    let otel = "db_client_connection_count{db_client_connection_pool_name=\"a\",db_client_connection_state=\"used\"} 2\n\
        db_client_connection_count{db_client_connection_pool_name=\"a\",db_client_connection_state=\"idle\"} 9\n\
        db_client_connection_count{db_client_connection_pool_name=\"b\",db_client_connection_state=\"used\"} 3\n\
        db_client_connection_max{db_client_connection_pool_name=\"a\"} 16\n\
        db_client_connection_max{db_client_connection_pool_name=\"b\"} 4\n";
    assert_eq!(usage(otel), (Some(0.75), Some(20.0)));
    assert_eq!(name(otel).as_deref(), Some("b"));
    // One limit for all databases.
    let postgres = "pg_stat_activity_count{datname=\"a\",state=\"active\"} 20\n\
        pg_stat_activity_count{datname=\"b\",state=\"idle\"} 30\npg_settings_max_connections 100\n";
    assert_eq!(usage(postgres), (Some(0.5), Some(100.0)));
    // A pool without a known limit: all together.
    let page =
        hikari("orders", 5.0, 10) + "hikaricp_connections_active{application=\"a\",pool=\"x\"} 4\n";
    assert_eq!(usage(&page), (Some(0.9), Some(10.0)));
}

#[test]
fn too_many_pools_are_not_distinguished() {
    let usage = |pools: usize| {
        let series = |pool: usize| {
            let active = if pool == 0 { 10 } else { 0 };
            format!(
                "hikaricp_connections_active{{pool=\"{pool}\"}} {active}\nhikaricp_connections_max{{pool=\"{pool}\"}} 10\n"
            )
        };
        let page: Vec<String> = (0..pools).map(series).collect();
        Watched::new("").follow(0, &page.concat())
    };
    let known = usage(SERIES_MAX);
    assert_eq!(
        (known.pool_usage(), known.fullest_pool.as_deref()),
        (Some(1.0), Some("0"))
    );
    let many = usage(SERIES_MAX + 1);
    assert!(
        close(many.pool_usage(), 1.0 / 1001.0),
        "{:?}",
        many.pool_usage()
    );
    assert_eq!(many.fullest_pool, None);
}

#[test]
fn pgbouncer_has_a_pool_for_each_user_of_a_database() {
    let page = |databases: &str| {
        format!(
            "{databases}\npgbouncer_pools_server_active_connections{{database=\"app\",user=\"web\"}} 18\n\
             pgbouncer_pools_server_active_connections{{database=\"app\",user=\"jobs\"}} 17\n"
        )
    };
    for databases in [
        "pgbouncer_databases_pool_size{name=\"app\",database=\"postgres\",force_user=\"\"} 20",
        "pgbouncer_databases_database_pool_size{backend_database=\"postgres\",database=\"app\"} 20",
    ] {
        let metrics = Watched::new("").follow(0, &page(databases));
        assert!(close(metrics.pool_usage(), 0.9), "{metrics:?}");
        assert!(close(metrics.number(Role::DbPoolMax), 40.0), "{metrics:?}");
        assert_eq!(metrics.fullest_pool.as_deref(), Some("web"));
    }
}
