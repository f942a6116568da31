import ca.uhn.fhir.batch2.jobs.config.Batch2JobsConfig;
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.IDaoRegistry;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.config.ThreadPoolFactoryConfig;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.batch2.JpaBatch2Config;
import ca.uhn.fhir.jpa.config.r4.JpaR4Config;
import ca.uhn.fhir.jpa.config.util.HapiEntityManagerFactoryUtil;
import ca.uhn.fhir.jpa.config.util.ResourceCountCacheUtil;
import ca.uhn.fhir.jpa.model.config.PartitionSettings;
import ca.uhn.fhir.jpa.model.config.SubscriptionSettings;
import ca.uhn.fhir.jpa.model.dialect.HapiFhirH2Dialect;
import ca.uhn.fhir.jpa.model.entity.StorageSettings;
import ca.uhn.fhir.jpa.provider.DaoRegistryResourceSupportedSvc;
import ca.uhn.fhir.jpa.provider.IJpaSystemProvider;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.provider.ValueSetOperationProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.jpa.search.IStaleSearchDeletingSvc;
import ca.uhn.fhir.jpa.search.StaleSearchDeletingSvcImpl;
import ca.uhn.fhir.jpa.subscription.channel.config.SubscriptionChannelConfig;
import ca.uhn.fhir.jpa.util.ResourceCountCache;
import ca.uhn.fhir.rest.api.IResourceSupportedSvc;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import jakarta.persistence.EntityManagerFactory;
import java.util.Properties;
import javax.sql.DataSource;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.h2.jdbcx.JdbcDataSource;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.Primary;
import org.springframework.orm.jpa.JpaTransactionManager;
import org.springframework.orm.jpa.LocalContainerEntityManagerFactoryBean;

/** HAPI's JPA server for R4 on loopback, with a database in memory. It prints its port. */
public class TerminologyServer {
  public static void main(String[] arguments) throws Exception {
    var context = new AnnotationConfigApplicationContext(Parts.class);
    FhirContext fhir = context.getBean(FhirContext.class);
    RestfulServer rest = new RestfulServer(fhir);
    rest.registerProviders(context.getBean(ResourceProviderFactory.class).createProviders());
    rest.registerProvider(context.getBean(IJpaSystemProvider.class));
    rest.registerProvider(context.getBean(ValueSetOperationProvider.class));
    rest.setPagingProvider(context.getBean(DatabaseBackedPagingProvider.class));
    rest.setServerConformanceProvider(new JpaCapabilityStatementProvider(rest,
        context.getBean(IFhirSystemDao.class), context.getBean(JpaStorageSettings.class),
        context.getBean(ISearchParamRegistry.class), context.getBean(IValidationSupport.class)));
    Server server = new Server();
    ServerConnector connector = new ServerConnector(server);
    connector.setHost("127.0.0.1");
    server.addConnector(connector);
    ServletContextHandler handler = new ServletContextHandler("/");
    handler.addServlet(new ServletHolder(rest), "/fhir/*");
    server.setHandler(handler);
    server.start();
    System.out.println("port " + connector.getLocalPort());
    System.out.flush();
    server.join();
  }

  @Configuration
  @Import({JpaR4Config.class, ThreadPoolFactoryConfig.class, JpaBatch2Config.class, Batch2JobsConfig.class,
      SubscriptionChannelConfig.class})
  public static class Parts {
    @Bean public JpaStorageSettings jpaStorageSettings() {
      JpaStorageSettings settings = new JpaStorageSettings();
      settings.setAllowExternalReferences(true);
      return settings;
    }

    @Primary @Bean public StorageSettings storageSettings(JpaStorageSettings settings) { return settings; }

    @Bean public PartitionSettings partitionSettings() { return new PartitionSettings(); }

    @Bean public SubscriptionSettings subscriptionSettings() { return new SubscriptionSettings(); }

    @Bean public IStaleSearchDeletingSvc staleSearchDeletingSvc() { return new StaleSearchDeletingSvcImpl(); }

    @Bean public IResourceSupportedSvc resourceSupportedSvc(IDaoRegistry daos) {
      return new DaoRegistryResourceSupportedSvc(daos);
    }

    @Bean public DatabaseBackedPagingProvider databaseBackedPagingProvider() {
      return new DatabaseBackedPagingProvider();
    }

    @Bean(name = "myResourceCountsCache") public ResourceCountCache counts(IFhirSystemDao<?, ?> dao) {
      return ResourceCountCacheUtil.newResourceCountCache(dao);
    }

    @Bean public DataSource dataSource() {
      JdbcDataSource source = new JdbcDataSource();
      source.setURL("jdbc:h2:mem:hapi;DB_CLOSE_DELAY=-1");
      source.setUser("sa");
      return source;
    }

    @Primary @Bean public LocalContainerEntityManagerFactoryBean entityManagerFactory(DataSource source,
        ConfigurableListableBeanFactory beans, FhirContext fhir, JpaStorageSettings settings) {
      var factory = HapiEntityManagerFactoryUtil.newEntityManagerFactory(beans, fhir, settings);
      factory.setPersistenceUnitName("HAPI_PU");
      factory.setDataSource(source);
      Properties properties = new Properties();
      properties.put("hibernate.dialect", HapiFhirH2Dialect.class.getName());
      properties.put("hibernate.hbm2ddl.auto", "update");
      properties.put("hibernate.search.enabled", "false");
      properties.put("hibernate.cache.use_query_cache", "false");
      properties.put("hibernate.cache.use_second_level_cache", "false");
      factory.setJpaProperties(properties);
      return factory;
    }

    @Primary @Bean public JpaTransactionManager transactionManager(EntityManagerFactory factory) {
      JpaTransactionManager manager = new JpaTransactionManager();
      manager.setEntityManagerFactory(factory);
      return manager;
    }
  }
}
